// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {Fill, IClearingRule, Order} from "./IKernel.sol";
import {Math} from "./Math.sol";
import {Payments} from "./Payments.sol";
import {Venue} from "./VenueSet.sol";

/// @title The settlement kernel
/// @notice Takes a batch of sell orders into custody, lets a clearing rule that nobody has to trust decide who gets
///         what, checks every promise below, and pays out. Traders approve this contract, never a rule.
/// @dev Callers must guarantee nothing: whoever calls chooses which orders stand in a batch, in which order, and when,
///      and that is all they choose. The deployer must name genuine Uniswap pools (see VenueSet).
///
///      Promises, whatever the rule and the tokens do:
///      - An order sells at most `sellAmount`, all of it unless `partiallyFillable`, at its limit or better, not after
///        `validTo`, and once: a fill uses its nonce up, also a partial one. An order that is dropped or gets nothing
///        keeps its nonce and may be settled later.
///      - What is not sold goes back in the same call. A payout that the token refuses, or that does not arrive in
///        full, is undone and becomes claimable: the other orders of the batch do not notice.
///      - A batch can spend what it brought in and what it got for that, never what the kernel held before.
///      - What a batch leaves over is booked as `residue`. There is no function that takes residue out: nobody can
///        gain by leaving some. The same holds for tokens that are sent here without an order.
///      - A batch that breaks a promise reverts as a whole, with the promise's own error.
///
///      Not promised: `placedAt` is what the trader wrote; a rule must not trust it. Anybody can settle small orders of
///      their own and so move a rule's state. Tokens whose balances change by themselves are not supported: orders that
///      sell a token with a fee on transfer drop out, orders that buy one end as claimable.
abstract contract Settlement is Payments {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    // Why one order dropped out: in OrderDropped, never thrown at the caller of settle.
    error OrderExpired();
    error NonceUsed();
    error BadSignature();
    error WrongTokens();
    error BadTrader();
    error ZeroSellAmount();

    // What breaks a batch.
    error RuleFailed(bytes reason);
    error BadReturnData(uint256 size);
    error FillCount(uint256 count, uint256 expected);
    error SoldTooMuch(uint256 index);
    error NotPartiallyFillable(uint256 index);
    error BoughtWithoutSelling(uint256 index);
    error BelowLimit(uint256 index);

    // ------------------------------------------------------------------ EVENTS

    event OrderFilled(uint256 indexed index, address indexed trader, uint256 sold, uint256 bought);
    event OrderDropped(uint256 indexed index, address indexed trader, bytes4 reason);
    event OrderCancelled(address indexed trader, uint256 nonce);

    // ------------------------------------------------------------------ STORAGE

    /// @notice At most this much gas goes to the rule; in less of it than the rule needs, the batch reverts.
    uint256 public constant CLEAR_GAS = 25_000_000;

    /// @notice Used nonces: bit `nonce % 256` of word `nonce / 256`.
    mapping(address trader => mapping(uint256 word => uint256 bits)) public nonceBits;

    /// @dev A batch after its pulls: `index[k]` is where `live[k]` stood in the call. By token: what the kernel held
    ///      before, and what came in.
    struct Batch {
        Order[] live;
        uint256[] index;
        uint256[MAX_TOKENS] earlier;
        uint256[MAX_TOKENS] pulled;
    }

    // ------------------------------------------------------------------ LOGIC: entries

    constructor(IClearingRule rule_, Venue[] memory venues) Payments(rule_, venues) {}

    /// @notice Makes every order of the caller with this nonce void.
    function cancel(uint256 nonce) external locked {
        _useNonce(msg.sender, nonce);
        emit OrderCancelled(msg.sender, nonce);
    }

    // ------------------------------------------------------------------ LOGIC: one batch

    /// @dev The whole of `settle`. `authentic[i]` says whether order i is its trader's own will.
    function _settle(Order[] calldata orders, bool[] memory authentic) internal locked returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        Batch memory batch = _pullAll(orders, authentic);
        uint256 count = batch.live.length;
        if (count == 0) return fills;
        _openCustody(batch.earlier, batch.pulled);
        _openVenues();
        _phase = Phase.Clearing;
        Fill[] memory cleared = _clear(batch.live);
        _phase = Phase.Busy;
        _closeVenues();
        uint256[MAX_TOKENS] memory left = _closeCustody();
        for (uint256 k; k < count; ++k) {
            _checkFill(batch.index[k], batch.live[k], cleared[k]);
        }
        _setAside(batch.live, cleared, left);
        for (uint256 k; k < tokenCount; ++k) {
            if (left[k] != 0) _bookResidue(token(k), left[k]);
        }
        for (uint256 k; k < count; ++k) {
            (uint256 index, Fill memory fill) = (batch.index[k], cleared[k]);
            _finish(index, batch.live[k], fill);
            fills[index] = fill;
        }
    }

    // ------------------------------------------------------------------ LOGIC: in

    function _pullAll(Order[] calldata orders, bool[] memory authentic) private returns (Batch memory batch) {
        batch.live = new Order[](orders.length);
        batch.index = new uint256[](orders.length);
        batch.earlier = _balances();
        uint256 count;
        for (uint256 i; i < orders.length; ++i) {
            Order memory order = orders[i];
            bytes4 reason = _fault(order, authentic[i]);
            if (reason == 0) reason = _pull(order.sellToken, order.trader, order.sellAmount);
            if (reason != 0) {
                emit OrderDropped(i, order.trader, reason);
                continue;
            }
            _useNonce(order.trader, order.nonce);
            batch.pulled[_indexOf(order.sellToken)] += order.sellAmount;
            batch.live[count] = order;
            batch.index[count] = i;
            ++count;
        }
        Order[] memory live = batch.live;
        assembly ("memory-safe") {
            mstore(live, count) // shorter than it was made
        }
    }

    function _fault(Order memory order, bool authentic) private view returns (bytes4) {
        if (block.timestamp > order.validTo) return OrderExpired.selector;
        if (_nonceUsed(order.trader, order.nonce)) return NonceUsed.selector;
        if (!authentic) return BadSignature.selector;
        if (!_tradable(order.sellToken, order.buyToken)) return WrongTokens.selector;
        if (order.trader == address(0) || order.trader == address(this)) return BadTrader.selector;
        if (order.sellAmount == 0) return ZeroSellAmount.selector;
        return 0;
    }

    // ------------------------------------------------------------------ LOGIC: clear

    /// @dev The answer must be exactly one ABI-encoded `Fill[]` with a fill for each live order, and nothing besides.
    function _clear(Order[] memory live) private returns (Fill[] memory) {
        uint256 wanted = 64 + 64 * live.length;
        bytes memory data = abi.encodeCall(IClearingRule.clear, (live));
        (bool ok, uint256 size, bytes memory answer) =
            address(rule).bounded(CLEAR_GAS, data, wanted < REASON_BYTES ? REASON_BYTES : wanted);
        if (!ok) {
            if (answer.length > REASON_BYTES) {
                assembly ("memory-safe") {
                    mstore(answer, REASON_BYTES)
                }
            }
            revert RuleFailed(answer);
        }
        if (size < 64) revert BadReturnData(size);
        uint256 offset;
        uint256 count;
        assembly ("memory-safe") {
            offset := mload(add(answer, 32))
            count := mload(add(answer, 64))
        }
        if (offset != 32) revert BadReturnData(size);
        if (count != live.length) revert FillCount(count, live.length);
        if (size != wanted) revert BadReturnData(size);
        return abi.decode(answer, (Fill[]));
    }

    // ------------------------------------------------------------------ LOGIC: check

    function _checkFill(uint256 index, Order memory order, Fill memory fill) private pure {
        if (fill.sold > order.sellAmount) revert SoldTooMuch(index);
        if (fill.sold == 0) {
            // A gift to one trader would be made of what others brought.
            if (fill.bought != 0) revert BoughtWithoutSelling(index);
            return;
        }
        if (fill.sold != order.sellAmount && !order.partiallyFillable) revert NotPartiallyFillable(index);
        // bought / sold >= minBuyAmount / sellAmount, exactly: the mechanism bears every rounding.
        (uint256 lowGot, uint256 highGot) = Math.fullMul(fill.bought, order.sellAmount);
        (uint256 lowDue, uint256 highDue) = Math.fullMul(order.minBuyAmount, fill.sold);
        if (highGot < highDue || (highGot == highDue && lowGot < lowDue)) revert BelowLimit(index);
    }

    /// @dev Takes what every order is owed from what the batch has left of each token; what remains is left over.
    function _setAside(Order[] memory live, Fill[] memory cleared, uint256[MAX_TOKENS] memory left) private view {
        for (uint256 k; k < live.length; ++k) {
            (Order memory order, Fill memory fill) = (live[k], cleared[k]);
            if (fill.sold != order.sellAmount) _take(left, order.sellToken, order.sellAmount - fill.sold);
            if (fill.bought != 0) _take(left, order.buyToken, fill.bought);
        }
    }

    function _take(uint256[MAX_TOKENS] memory left, address token_, uint256 owed) private view {
        uint256 k = _indexOf(token_);
        if (owed > left[k]) revert CustodySpent(token_);
        left[k] -= owed;
    }

    // ------------------------------------------------------------------ LOGIC: out

    function _finish(uint256 index, Order memory order, Fill memory fill) private {
        if (fill.sold == 0) {
            _freeNonce(order.trader, order.nonce);
        } else {
            emit OrderFilled(index, order.trader, fill.sold, fill.bought);
            _pay(order.buyToken, order.trader, fill.bought);
        }
        _pay(order.sellToken, order.trader, order.sellAmount - fill.sold);
    }

    // ------------------------------------------------------------------ LOGIC: nonces

    function _nonceUsed(address trader, uint256 nonce) private view returns (bool) {
        return nonceBits[trader][nonce >> 8] >> (nonce & 255) & 1 == 1;
    }

    function _useNonce(address trader, uint256 nonce) private {
        nonceBits[trader][nonce >> 8] |= 1 << (nonce & 255);
    }

    function _freeNonce(address trader, uint256 nonce) private {
        nonceBits[trader][nonce >> 8] &= ~(1 << (nonce & 255));
    }
}
