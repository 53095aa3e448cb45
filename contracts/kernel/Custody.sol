// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {Guard} from "./Guard.sol";
import {IClearingRule} from "./IKernel.sol";

/// @notice What of the kernel's balances belongs to the batch that is being cleared, and what must not be touched.
/// @dev Promises: a batch spends at most what its orders brought in and what it got for that. Everything else that the
///      kernel holds (residue and claimable payouts of earlier batches, tokens sent here by somebody) lies below a floor.
///      Amounts are differences of the kernel's own balances, never what a token or a pool says.
abstract contract Custody is Guard {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    error NotTraded(address token);
    error CustodyExceeded(address token, uint256 amount, uint256 available);
    error CustodySpent(address token);
    error TransferFailed(address token);

    // ------------------------------------------------------------------ STORAGE

    /// @notice The pair that every venue and every order trades, token0 < token1.
    address public immutable token0;
    address public immutable token1;

    /// @dev The kernel's balances as last measured, and what of them is not this batch's.
    uint256 internal transient _held0;
    uint256 internal transient _held1;
    uint256 private transient _floor0;
    uint256 private transient _floor1;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, address first, address second) Guard(rule_) {
        token0 = first;
        token1 = second;
    }

    /// @dev Opens custody for a batch that brought in `pulled0` and `pulled1`. What the kernel holds besides is not the
    ///      batch's, and must be at least what it held before (`earlier0`, `earlier1`).
    function _openCustody(uint256 earlier0, uint256 pulled0, uint256 earlier1, uint256 pulled1) internal {
        (_held0, _floor0) = _opening(token0, earlier0, pulled0);
        (_held1, _floor1) = _opening(token1, earlier1, pulled1);
    }

    /// @dev Forgets the batch. Returns what it has left of each token, as measured now.
    function _closeCustody() internal returns (uint256 left0, uint256 left1) {
        left0 = _closing(token0, _floor0);
        left1 = _closing(token1, _floor1);
        (_held0, _held1, _floor0, _floor1) = (0, 0, 0, 0);
    }

    /// @dev Measures anew, and says how far each balance went up or down since the last time.
    function _measure() internal returns (uint256 down0, uint256 up0, uint256 down1, uint256 up1) {
        (uint256 before0, uint256 before1) = (_held0, _held1);
        uint256 after0 = token0.balanceOf(address(this));
        uint256 after1 = token1.balanceOf(address(this));
        (_held0, _held1) = (after0, after1);
        if (after0 < before0) down0 = before0 - after0;
        else up0 = after0 - before0;
        if (after1 < before1) down1 = before1 - after1;
        else up1 = after1 - before1;
    }

    function _requireCustody(bool isToken0, uint256 amount) internal view {
        (uint256 held, uint256 floor) = isToken0 ? (_held0, _floor0) : (_held1, _floor1);
        uint256 available = held > floor ? held - floor : 0;
        if (amount > available) revert CustodyExceeded(isToken0 ? token0 : token1, amount, available);
    }

    function _send(bool isToken0, address to, uint256 amount) internal {
        address token = isToken0 ? token0 : token1;
        if (!token.transfer(to, amount)) revert TransferFailed(token);
    }

    function _isToken0(address token) internal view returns (bool) {
        if (token == token0) return true;
        if (token == token1) return false;
        revert NotTraded(token);
    }

    function _opening(address token, uint256 earlier, uint256 pulled)
        private
        view
        returns (uint256 held, uint256 floor)
    {
        held = token.balanceOf(address(this));
        if (held < pulled || held - pulled < earlier) revert CustodySpent(token);
        floor = held - pulled;
    }

    function _closing(address token, uint256 floor) private view returns (uint256) {
        uint256 held = token.balanceOf(address(this));
        if (held < floor) revert CustodySpent(token);
        return held - floor;
    }
}
