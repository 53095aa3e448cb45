// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface ICallbacks {
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external;
    function uniswapV3FlashCallback(uint256 fee0, uint256 fee1, bytes calldata data) external;
}

/// @title A venue that is not genuine
/// @notice The kernel is not made for such venues; this one shows how far its own checks reach all the same.
contract FakePool {
    enum Mode {
        AsksTwice,
        AsksForMore,
        AsksForLess,
        NeverAsks,
        TakesTheOther
    }

    address public immutable token0;
    address public immutable token1;
    uint24 public constant fee = 3000;
    uint128 public constant liquidity = 1e18;

    Mode private _mode;

    constructor(address token0_, address token1_) {
        (token0, token1) = (token0_, token1_);
    }

    function behave(Mode mode) external {
        _mode = mode;
    }

    function slot0() external pure returns (uint160, int24) {
        return (uint160(1 << 96), 0);
    }

    function swap(address, bool, int256 amount, uint160, bytes calldata) external returns (int256, int256) {
        ICallbacks caller = ICallbacks(msg.sender);
        if (_mode == Mode.AsksTwice) {
            caller.uniswapV3SwapCallback(amount / 2, 0, "");
            caller.uniswapV3SwapCallback(amount - amount / 2, 0, "");
        }
        if (_mode == Mode.AsksForMore) caller.uniswapV3SwapCallback(amount + 1, 0, "");
        if (_mode == Mode.AsksForLess) caller.uniswapV3SwapCallback(amount - 1, 0, "");
        if (_mode == Mode.TakesTheOther) caller.uniswapV3SwapCallback(0, amount, "");
        return (0, 0);
    }

    function flash(address, uint256, uint256, bytes calldata data) external {
        if (_mode == Mode.NeverAsks) return;
        ICallbacks(msg.sender).uniswapV3FlashCallback(0, 0, data);
        if (_mode == Mode.AsksTwice) ICallbacks(msg.sender).uniswapV3FlashCallback(0, 0, data);
    }
}
