// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface ITokenFrom {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @title What stands where Uniswap's Permit2 would
/// @notice Its allowances and its transfer by allowance, which is all that the Universal Router uses of it in a swap.
///         Part of the harness, never exported: no npm package of a size that a set-up could bear has the genuine code.
/// @dev Keeps an allowance where Permit2 does and as it does: by owner, token and spender in slot 1, packed as amount
///      (160 bits), expiration in Unix seconds (48) and nonce (48). An allowance of all 160 bits is not used up.
contract Permit2 {
    struct Allowed {
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    uint256 private _unordered; // Permit2's nonces of signed transfers; none is made here
    mapping(address owner => mapping(address token => mapping(address spender => Allowed))) public allowance;

    error AllowanceExpired(uint256 deadline);
    error InsufficientAllowance(uint256 amount);
    error TransferFailed();

    function transferFrom(address from, address to, uint160 amount, address token) external {
        Allowed storage allowed = allowance[from][token][msg.sender];
        if (block.timestamp > allowed.expiration) revert AllowanceExpired(allowed.expiration);
        uint256 most = allowed.amount;
        if (most != type(uint160).max) {
            if (amount > most) revert InsufficientAllowance(most);
            unchecked {
                allowed.amount = uint160(most - amount);
            }
        }
        if (!ITokenFrom(token).transferFrom(from, to, amount)) revert TransferFailed();
    }
}
