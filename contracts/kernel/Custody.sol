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

    error TokenCount(uint256 count);
    error NotTraded(address token);
    error CustodyExceeded(address token, uint256 amount, uint256 available);
    error CustodySpent(address token);
    error TransferFailed(address token);

    // ------------------------------------------------------------------ STORAGE

    /// @dev Of venues that hang together by their tokens: one more than there may be venues.
    uint256 internal constant MAX_TOKENS = 5;

    /// @notice How many tokens the venues trade: `token(k)` with k below it.
    uint256 public immutable tokenCount;
    address private immutable _token0;
    address private immutable _token1;
    address private immutable _token2;
    address private immutable _token3;
    address private immutable _token4;

    /// @dev Transient slots, of a token at HELD + its address and FLOOR + its address: the kernel's balance as last
    ///      measured, and what of it is not this batch's. (Solidity has no transient mappings.)
    uint256 private constant HELD = 1 << 160;
    uint256 private constant FLOOR = 2 << 160;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, address[] memory tokens) Guard(rule_) {
        uint256 count = tokens.length;
        if (count > MAX_TOKENS) revert TokenCount(count);
        address[MAX_TOKENS] memory all;
        for (uint256 k; k < count; ++k) {
            all[k] = tokens[k];
        }
        tokenCount = count;
        (_token0, _token1, _token2, _token3, _token4) = (all[0], all[1], all[2], all[3], all[4]);
    }

    /// @notice Token `k` of those that are traded, in the order in which the venues name them; 0 from `tokenCount` on.
    function token(uint256 k) public view returns (address) {
        if (k == 0) return _token0;
        if (k == 1) return _token1;
        return k == 2 ? _token2 : k == 3 ? _token3 : k == 4 ? _token4 : address(0);
    }

    /// @dev Those of the first venue: in a kernel of one pair, all there are. (`token` of each would cost more.)
    function _firstPair() internal view returns (address, address) {
        return (_token0, _token1);
    }

    /// @dev Whether an order may sell the one for the other.
    function _tradable(address sold, address bought) internal view returns (bool) {
        if (sold == _token0 ? bought == _token1 : sold == _token1 && bought == _token0) return true;
        return sold != bought && _indexOf(sold) < MAX_TOKENS && _indexOf(bought) < MAX_TOKENS;
    }

    /// @dev Which of the traded tokens this is; `MAX_TOKENS` where it is none.
    function _indexOf(address token_) internal view returns (uint256) {
        if (token_ == _token0) return 0;
        if (token_ == _token1) return 1;
        for (uint256 k = 2; k < tokenCount; ++k) {
            if (token_ == token(k)) return k;
        }
        return MAX_TOKENS;
    }

    /// @dev The kernel's balances, by token. (There are always two tokens: going through them without a loop is cheaper.)
    function _balances() internal view returns (uint256[MAX_TOKENS] memory held) {
        held[0] = _token0.balanceOf(address(this));
        held[1] = _token1.balanceOf(address(this));
        for (uint256 k = 2; k < tokenCount; ++k) {
            held[k] = token(k).balanceOf(address(this));
        }
    }

    /// @dev Opens custody for a batch that brought in `pulled`. What the kernel holds besides is not the batch's, and must
    ///      be at least what it held before, `earlier`.
    function _openCustody(uint256[MAX_TOKENS] memory earlier, uint256[MAX_TOKENS] memory pulled) internal {
        _open(_token0, earlier[0], pulled[0]);
        _open(_token1, earlier[1], pulled[1]);
        for (uint256 k = 2; k < tokenCount; ++k) {
            _open(token(k), earlier[k], pulled[k]);
        }
    }

    /// @dev Forgets the batch. Returns what it has left of each token, as measured now.
    function _closeCustody() internal returns (uint256[MAX_TOKENS] memory left) {
        left[0] = _close(_token0);
        left[1] = _close(_token1);
        for (uint256 k = 2; k < tokenCount; ++k) {
            left[k] = _close(token(k));
        }
    }

    /// @dev Measures anew, and says how far the balance went up or down since the last time.
    function _measure(address token_) internal returns (uint256 down, uint256 up) {
        uint256 before = _get(HELD, token_);
        uint256 held = token_.balanceOf(address(this));
        _set(HELD, token_, held);
        if (held < before) down = before - held;
        else up = held - before;
    }

    /// @dev By how much the balance is above what was last measured.
    function _gained(address token_) internal view returns (uint256) {
        return token_.balanceOf(address(this)) - _get(HELD, token_);
    }

    function _requireCustody(address token_, uint256 amount) internal view {
        (uint256 held, uint256 floor) = (_get(HELD, token_), _get(FLOOR, token_));
        uint256 available = held > floor ? held - floor : 0;
        if (amount > available) revert CustodyExceeded(token_, amount, available);
    }

    function _send(address token_, address to, uint256 amount) internal {
        if (!token_.transfer(to, amount)) revert TransferFailed(token_);
    }

    function _open(address token_, uint256 earlier, uint256 pulled) private {
        uint256 held = token_.balanceOf(address(this));
        if (held < pulled || held - pulled < earlier) revert CustodySpent(token_);
        _set(HELD, token_, held);
        _set(FLOOR, token_, held - pulled);
    }

    function _close(address token_) private returns (uint256) {
        uint256 held = token_.balanceOf(address(this));
        uint256 floor = _get(FLOOR, token_);
        if (held < floor) revert CustodySpent(token_);
        _set(HELD, token_, 0);
        _set(FLOOR, token_, 0);
        return held - floor;
    }

    function _get(uint256 base, address token_) private view returns (uint256 value) {
        assembly ("memory-safe") {
            value := tload(add(base, token_))
        }
    }

    function _set(uint256 base, address token_, uint256 value) private {
        assembly ("memory-safe") {
            tstore(add(base, token_), value)
        }
    }
}
