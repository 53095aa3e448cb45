// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearingRule} from "./IKernel.sol";
import {Venue, VenueSet} from "./VenueSet.sol";

/// @notice What the kernel's calls to v3 and v4 pools share: who may call back, how far a price may go, and the quote
///         that a callback carries out by reverting.
abstract contract Callback is VenueSet {
    // ------------------------------------------------------------------ ERRORS

    error VenueFailed(uint256 i, bytes reason);
    error NotTheVenue(address caller);
    error AmountTooLarge(uint256 amount);
    /// @dev Carries a quote out of the pool's call that is thrown away; never leaves the kernel.
    error Quoted(uint256 spent, uint256 received, uint160 sqrtPriceAfterX96);

    // ------------------------------------------------------------------ STORAGE

    uint256 internal constant REASON_BYTES = 256;
    uint256 private constant QUOTED_BYTES = 4 + 3 * 32;
    /// @dev How far a swap may push a price: one inside the pools' own bounds, MIN_SQRT_RATIO and MAX_SQRT_RATIO.
    uint160 private constant LOWEST_SQRT_PRICE = 4295128739 + 1;
    uint160 private constant HIGHEST_SQRT_PRICE = 1461446703485210103287273052203988822378723970342 - 1;

    /// @dev The only venue whose contract may call back, once, packed; set around the call that provokes it.
    uint256 internal transient _callbackFrom;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, Venue[] memory venues) VenueSet(rule_, venues) {}

    /// @dev A callback is taken once, from the one contract that the kernel is calling. Returns the venue's tokens.
    function _takeCallback() internal returns (address, address) {
        uint256 packed = _callbackFrom;
        if (msg.sender != address(uint160(packed)) || _phase <= Phase.Clearing) revert NotTheVenue(msg.sender);
        _callbackFrom = 0;
        return _pair(packed);
    }

    /// @dev The quote in what came back from a call that a callback's revert has undone.
    function _quoted(uint256 i, bool ok, uint256 size, bytes memory answer)
        internal
        pure
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96)
    {
        if (ok || size != QUOTED_BYTES || bytes4(answer) != Quoted.selector) revert VenueFailed(i, answer);
        assembly ("memory-safe") {
            spent := mload(add(answer, 36)) // past the length and the selector
            received := mload(add(answer, 68))
            sqrtPriceAfterX96 := mload(add(answer, 100))
        }
    }

    function _atBound(Look memory look, bool zeroForOne) internal pure returns (bool) {
        return zeroForOne ? look.x <= LOWEST_SQRT_PRICE : look.x >= HIGHEST_SQRT_PRICE;
    }

    function _bound(bool zeroForOne) internal pure returns (uint160) {
        return zeroForOne ? LOWEST_SQRT_PRICE : HIGHEST_SQRT_PRICE;
    }
}
