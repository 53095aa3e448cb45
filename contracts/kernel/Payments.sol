// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {IClearingRule} from "./IKernel.sol";
import {Trading} from "./Trading.sol";
import {Venue} from "./VenueSet.sol";

/// @notice Tokens in and out, one attempt at a time: each is its own call, which happens exactly or not at all.
/// @dev Promises: whatever a token does in one attempt, no other order notices. An attempt gets a fixed amount of gas,
///      no more, and no less either: whoever calls `settle` cannot starve one of them. What a payout failed to bring
///      waits as `claimable`. `residue` has no way out: nobody can gain by leaving some.
abstract contract Payments is Trading {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    // Why a pull or a payout was undone; never thrown at the caller of settle.
    error PullFailed();
    error ReceivedMismatch();
    error PayoutFailed();
    error DeliveredMismatch();

    error OnlySelf();
    error NotEnoughGas();
    error NothingToClaim();
    error ClaimFailed();

    // ------------------------------------------------------------------ EVENTS

    event Residue(address token, uint256 amount);
    event Claimable(address indexed token, address indexed trader, uint256 amount);
    event Claimed(address indexed token, address indexed trader, address to, uint256 amount);

    // ------------------------------------------------------------------ STORAGE

    /// @notice Exactly this much gas goes to each pull and each payout, the kernel's own balance checks included.
    uint256 public constant TOKEN_GAS = 300_000;
    /// @dev A call gets at most 63/64 of the gas there is; the rest covers what it costs to make the call.
    uint256 private constant TOKEN_GAS_NEEDED = TOKEN_GAS + TOKEN_GAS / 63 + 10_000;

    /// @notice Payouts that did not arrive; their owner takes them by `claim`.
    mapping(address token => mapping(address owner => uint256 amount)) public claimable;
    /// @notice What batches left over, in all.
    mapping(address token => uint256 amount) public residue;

    // ------------------------------------------------------------------ LOGIC: claims

    constructor(IClearingRule rule_, Venue[] memory venues) Trading(rule_, venues) {}

    /// @notice Takes everything that the caller can claim of `token`.
    /// @dev Pays in full out of the kernel; if the token takes a fee on the way, that is now between it and the owner.
    function claim(address token) external returns (uint256 amount) {
        return claimTo(token, msg.sender);
    }

    /// @notice As `claim`, to another address: a token that refuses its owner does not lock the owner's money.
    function claimTo(address token, address to) public locked returns (uint256 amount) {
        amount = claimable[token][msg.sender];
        if (amount == 0) revert NothingToClaim();
        claimable[token][msg.sender] = 0;
        uint256 before = token.balanceOf(address(this));
        if (!token.transfer(to, amount)) revert ClaimFailed();
        uint256 held = token.balanceOf(address(this));
        if (held > before || before - held != amount) revert ClaimFailed(); // also where `to` is the kernel
        emit Claimed(token, msg.sender, to, amount);
    }

    // ------------------------------------------------------------------ LOGIC: in

    /// @notice For the kernel itself: a pull that is undone unless exactly `amount` arrives.
    function pullExactly(address token, address from, uint256 amount) external {
        if (msg.sender != address(this)) revert OnlySelf();
        uint256 before = token.balanceOf(address(this));
        if (!token.transferFrom(from, address(this), amount)) revert PullFailed();
        uint256 held = token.balanceOf(address(this));
        if (held < before || held - before != amount) revert ReceivedMismatch();
    }

    /// @dev Returns 0, or why nothing came.
    function _pull(address token, address from, uint256 amount) internal returns (bytes4) {
        _requireTokenGas();
        try this.pullExactly{gas: TOKEN_GAS}(token, from, amount) {
            return 0;
        } catch (bytes memory reason) {
            // The kernel's own short errors; nothing at all where the token burnt the gas.
            return reason.length < 4 ? PullFailed.selector : bytes4(reason);
        }
    }

    // ------------------------------------------------------------------ LOGIC: out

    /// @notice For the kernel itself: a payout that is undone unless exactly `amount` leaves and all of it arrives.
    function payExactly(address token, address to, uint256 amount) external {
        if (msg.sender != address(this)) revert OnlySelf();
        uint256 before = token.balanceOf(address(this));
        uint256 owned = token.balanceOf(to);
        if (!token.transfer(to, amount)) revert PayoutFailed();
        uint256 held = token.balanceOf(address(this));
        uint256 owns = token.balanceOf(to);
        if (held > before || before - held != amount) revert DeliveredMismatch();
        if (owns < owned || owns - owned < amount) revert DeliveredMismatch();
    }

    function _pay(address token, address to, uint256 amount) internal {
        if (amount == 0) return;
        _requireTokenGas();
        try this.payExactly{gas: TOKEN_GAS}(token, to, amount) {}
        catch {
            claimable[token][to] += amount;
            emit Claimable(token, to, amount);
        }
    }

    function _bookResidue(address token, uint256 amount) internal {
        residue[token] += amount;
        emit Residue(token, amount);
    }

    /// @dev Without this, whoever calls `settle` could give just so little gas that one payout fails and the rest
    ///      of the batch does not.
    function _requireTokenGas() private view {
        if (gasleft() < TOKEN_GAS_NEEDED) revert NotEnoughGas();
    }
}
