// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Deploys the genuine Uniswap v3 pool bytecode with any fee and tick spacing
/// @notice Stands where Uniswap's factory would: a pool asks it for its parameters while it is created, and the
///         periphery's router computes a pool's address from it. The stock factory knows few (fee, spacing) pairs.
contract PoolDeployer {
    struct Parameters {
        address factory;
        address token0;
        address token1;
        uint24 fee;
        int24 tickSpacing;
    }

    /// @notice What the pool under creation reads; zero at other times.
    Parameters public parameters;

    error DeployFailed();

    /// @param initCode the pool's genuine creation code.
    /// @param addressFee the fee in the address's salt; it differs from `fee` only to get the code of a pool whose
    ///        fee has changed, for the address that it has had from its creation.
    function deploy(
        bytes calldata initCode,
        address token0,
        address token1,
        uint24 fee,
        int24 tickSpacing,
        uint24 addressFee
    ) external returns (address pool) {
        parameters = Parameters(address(this), token0, token1, fee, tickSpacing);
        bytes memory code = initCode;
        bytes32 salt = keccak256(abi.encode(token0, token1, addressFee));
        assembly ("memory-safe") {
            pool := create2(0, add(code, 32), mload(code), salt)
        }
        if (pool == address(0)) revert DeployFailed();
        delete parameters;
    }
}
