// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The ERC-20 token that stands at the address of a history's token
/// @notice Plain: no fee, no hooks, returns a boolean everywhere. Part of the harness; exported for tests alone.
/// @dev `verify/slots.py` knows the storage: slot 0 balances, slot 1 allowances.
contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    uint8 public immutable decimals;
    address private immutable MINTER;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error InsufficientBalance();
    error InsufficientAllowance();
    error OnlyMinter();

    constructor(uint8 decimals_, address minter) {
        decimals = decimals_;
        MINTER = minter;
    }

    /// @notice Makes `value` new tokens for `to`; for the harness alone.
    function mint(address to, uint256 value) external {
        if (msg.sender != MINTER) revert OnlyMinter();
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert InsufficientAllowance();
            allowance[from][msg.sender] = allowed - value;
        }
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        uint256 held = balanceOf[from];
        if (held < value) revert InsufficientBalance();
        balanceOf[from] = held - value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}
