// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A solver that is a contract: it settles from within, as some real ones do
contract Solver {
    /// @notice Makes calls whose data stands as it is in this call's own.
    function run(address to, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok,) = to.call(calls[i]);
            require(ok);
        }
    }

    /// @notice Makes calls that stand in this call's data in two halves, the other one first.
    function runHalves(address to, bytes[] calldata seconds_, bytes[] calldata firsts) external {
        for (uint256 i = 0; i < firsts.length; i++) {
            (bool ok,) = to.call(bytes.concat(firsts[i], seconds_[i]));
            require(ok);
        }
    }
}

/// @title Stands in for Balancer's vault: a batch swap gives just what it must
contract Vault {
    struct Step {
        bytes32 pool;
        uint256 tokenIn;
        uint256 tokenOut;
        uint256 amount;
        bytes data;
    }

    struct Funds {
        address sender;
        bool fromInternal;
        address recipient;
        bool toInternal;
    }

    function batchSwap(
        uint8,
        Step[] calldata,
        address[] calldata,
        Funds calldata,
        int256[] calldata limits,
        uint256
    ) external pure returns (int256[] memory) {
        return limits;
    }
}
