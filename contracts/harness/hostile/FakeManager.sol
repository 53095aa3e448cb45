// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IUnlocked {
    function unlockCallback(bytes calldata data) external returns (bytes memory);
}

/// @title A v4 manager that is not genuine
/// @notice The kernel is not made for such; this one shows how far its own checks reach all the same. What it says of a
///         pool never changes.
contract FakeManager {
    enum Mode {
        AsksTwice,
        AsksForMore,
        AsksForLess,
        NeverAsks,
        TakesTheOther,
        ReturnsMuch
    }

    Mode private _mode;

    function behave(Mode mode) external {
        _mode = mode;
    }

    function extsload(bytes32) external pure returns (bytes32) {
        return bytes32(uint256(1 << 96));
    }

    function extsload(bytes32, uint256) external pure returns (bytes32[] memory words) {
        words = new bytes32[](4);
        (words[0], words[3]) = (bytes32(uint256(1 << 96)), bytes32(uint256(1e18)));
    }

    function exttload(bytes32) external pure returns (bytes32) {
        return 0;
    }

    function unlock(bytes calldata data) external returns (bytes memory) {
        if (_mode == Mode.ReturnsMuch) {
            assembly {
                return(0, 300000)
            }
        }
        if (_mode == Mode.NeverAsks) return "";
        IUnlocked(msg.sender).unlockCallback(data);
        if (_mode == Mode.AsksTwice) IUnlocked(msg.sender).unlockCallback(data);
        return "";
    }

    struct Key {
        address currency0;
        address currency1;
        uint24 fee;
        int24 tickSpacing;
        address hooks;
    }

    struct Params {
        bool zeroForOne;
        int256 amountSpecified;
        uint160 limit;
    }

    function swap(Key calldata, Params calldata params, bytes calldata) external view returns (int256) {
        return _delta(params.zeroForOne, -params.amountSpecified);
    }

    function donate(Key calldata, uint256 amount0, uint256 amount1, bytes calldata) external view returns (int256) {
        return _delta(amount0 != 0, int256(amount0 + amount1));
    }

    function sync(address) external {}

    function settle() external payable returns (uint256) {}

    /// @dev What it wants to be paid.
    function _delta(bool isToken0, int256 amount) private view returns (int256) {
        if (_mode == Mode.AsksForMore) ++amount;
        if (_mode == Mode.AsksForLess) --amount;
        if (_mode == Mode.TakesTheOther) isToken0 = !isToken0;
        return isToken0 ? -amount << 128 : int256(uint256(uint128(int128(-amount))));
    }
}
