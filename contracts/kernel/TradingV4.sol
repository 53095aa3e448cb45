// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Callback} from "./Callback.sol";
import {Calls} from "./Calls.sol";
import {IClearingRule} from "./IKernel.sol";
import {IPoolManager, SwapParams} from "./IPools.sol";
import {Venue} from "./VenueSet.sol";

/// @notice The kernel on v4 pools: what it does there happens inside the callback of the manager's `unlock`.
/// @dev While a manager is unlocked, anybody may act on its pools, so also a token that is let in when it is paid or
///      taken. What the kernel wants is done before that; how the pool then stands is remembered, and must still be so
///      after. The manager undoes all of it unless the kernel has paid exactly what it owes and has taken what is its
///      due.
abstract contract TradingV4 is Callback {
    using Calls for address;

    // ------------------------------------------------------------------ STORAGE

    /// @dev A manager counts debts in signed 128 bits.
    uint256 private constant MOST_V4 = uint128(type(int128).max);

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, Venue[] memory venues) Callback(rule_, venues) {}

    /// @dev A trade or a donation, as the phase says; `isToken0` says of which token `amount` is.
    function _actV4(uint256 i, address manager, bool isToken0, uint256 amount) internal {
        (bool ok,, bytes memory answer) = _unlock(manager, i, isToken0, amount);
        if (!ok) revert VenueFailed(i, answer);
    }

    /// @dev The swap is undone by the callback's revert, before any token is called.
    function _quoteV4(uint256 i, address manager, bool zeroForOne, uint256 amountIn)
        internal
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96)
    {
        (bool ok, uint256 size, bytes memory answer) = _unlock(manager, i, zeroForOne, amountIn);
        return _quoted(i, ok, size, answer);
    }

    function _unlock(address manager, uint256 i, bool isToken0, uint256 amount)
        private
        returns (bool ok, uint256 size, bytes memory answer)
    {
        if (amount > MOST_V4) revert AmountTooLarge(amount);
        _callbackFrom = _packedVenue(i);
        bytes memory data = abi.encodeCall(IPoolManager.unlock, (abi.encode(i, isToken0, amount)));
        (ok, size, answer) = manager.bounded(gasleft(), data, REASON_BYTES);
        _callbackFrom = 0;
    }

    /// @notice For a v4 manager that the kernel itself has unlocked.
    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        (address first, address second) = _takeCallback();
        (uint256 i, bool isToken0, uint256 amount) = abi.decode(data, (uint256, bool, uint256));
        IPoolManager manager = IPoolManager(msg.sender);
        int256 delta = _phase == Phase.Donating
            ? manager.donate(_keyV4(i), isToken0 ? amount : 0, isToken0 ? 0 : amount, "")
            : manager.swap(_keyV4(i), SwapParams(isToken0, -int256(amount), _bound(isToken0)), "");
        (int256 delta0, int256 delta1) = (delta >> 128, int128(delta));
        Look memory look = _look(i);
        if (_phase == Phase.Quoting) {
            (int256 paid, int256 due) = isToken0 ? (-delta0, delta1) : (-delta1, delta0);
            revert Quoted(uint256(paid), uint256(due), uint160(look.x));
        }
        _remember(i, look);
        _balance(manager, first, delta0);
        _balance(manager, second, delta1);
        return "";
    }

    /// @dev Pays what is owed of a token, or takes what is due.
    function _balance(IPoolManager manager, address token_, int256 delta) private {
        if (delta == 0) return;
        if (delta > 0) return manager.take(token_, address(this), uint256(delta));
        manager.sync(token_);
        _send(token_, address(manager), uint256(-delta));
        manager.settle();
    }
}
