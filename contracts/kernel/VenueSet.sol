// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {Custody} from "./Custody.sol";
import {IClearingRule} from "./IKernel.sol";
import {IPairV2, IPoolV3} from "./IPools.sol";

/// @notice A genuine Uniswap pool that the kernel may trade on; `kind` is 2 or 3.
struct Venue {
    address pool;
    uint8 kind;
}

/// @notice Which pools the kernel trades on, and whether anybody else touched one while a batch is being cleared.
/// @dev The deployer must name genuine Uniswap v2 pairs (fee 0.3 %) and v3 pools: their code is trusted, their tokens'
///      is not. Promise: a venue whose price, liquidity, reserves or balances changed other than by the kernel's own
///      trade or donation is noticed before it is used again, and at the end of `clear` at the latest. Liquidity away
///      from the current price that is removed and not yet collected changes none of these and is not noticed; its
///      owner could as well have removed it just before the batch.
abstract contract VenueSet is Custody {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    error VenueCount(uint256 count);
    error VenueKind(uint256 i, uint8 kind);
    error VenueTokens(uint256 i);
    error VenueTwice(uint256 i);
    error NoSuchVenue(uint256 i);
    error VenueTouched(uint256 i);

    // ------------------------------------------------------------------ STORAGE

    uint256 internal constant MAX_VENUES = 4;
    uint24 private constant FEE_PIPS_V2 = 3000;

    uint256 internal immutable _venueCount;
    /// @dev pool | kind << 160 | feePips << 168. Immutable, so that a venue costs no storage access.
    uint256 private immutable _venue0;
    uint256 private immutable _venue1;
    uint256 private immutable _venue2;
    uint256 private immutable _venue3;

    bytes32 private transient _fingerprint0;
    bytes32 private transient _fingerprint1;
    bytes32 private transient _fingerprint2;
    bytes32 private transient _fingerprint3;

    /// @dev A venue as it stands. v3: `x` is sqrtPriceX96, `y` the liquidity in range. v2: the reserves, `tick` is 0.
    struct Look {
        address pool;
        bool isV3;
        uint256 x;
        uint256 y;
        int24 tick;
        uint256 balance0;
        uint256 balance1;
    }

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, Venue[] memory venues) Custody(rule_, _firstPool(venues)) {
        uint256 count = venues.length;
        if (count > MAX_VENUES) revert VenueCount(count);
        uint256[MAX_VENUES] memory packed;
        for (uint256 i; i < count; ++i) {
            packed[i] = _checked(i, venues[i], token0, token1);
            for (uint256 j; j < i; ++j) {
                if (venues[i].pool == venues[j].pool) revert VenueTwice(i);
            }
        }
        _venueCount = count;
        (_venue0, _venue1, _venue2, _venue3) = (packed[0], packed[1], packed[2], packed[3]);
    }

    function _firstPool(Venue[] memory venues) private pure returns (address) {
        if (venues.length == 0) revert VenueCount(0);
        return venues[0].pool;
    }

    function _checked(uint256 i, Venue memory venue_, address first, address second) private view returns (uint256) {
        address pool = venue_.pool;
        uint24 feePips = FEE_PIPS_V2;
        if (venue_.kind == 3) feePips = IPoolV3(pool).fee();
        else if (venue_.kind == 2) IPairV2(pool).getReserves();
        else revert VenueKind(i, venue_.kind);
        bool same = IPoolV3(pool).token0() == first && IPoolV3(pool).token1() == second;
        if (!same || first >= second) revert VenueTokens(i);
        return uint256(uint160(pool)) | uint256(venue_.kind) << 160 | uint256(feePips) << 168;
    }

    /// @dev From here on every venue must stay as it is.
    function _openVenues() internal {
        for (uint256 i; i < _venueCount; ++i) {
            _remember(i, _look(i));
        }
    }

    /// @dev Requires every venue untouched, and forgets how they stood.
    function _closeVenues() internal {
        for (uint256 i; i < _venueCount; ++i) {
            _untouched(i);
            _setFingerprint(i, 0);
        }
    }

    /// @dev Venue `i`, which nobody but the kernel changed since it was last remembered.
    function _untouched(uint256 i) internal view returns (Look memory look) {
        look = _look(i);
        bytes32 expected = i == 0 ? _fingerprint0 : i == 1 ? _fingerprint1 : i == 2 ? _fingerprint2 : _fingerprint3;
        if (keccak256(abi.encode(look)) != expected) revert VenueTouched(i);
    }

    function _remember(uint256 i, Look memory look) internal {
        _setFingerprint(i, keccak256(abi.encode(look)));
    }

    function _look(uint256 i) internal view returns (Look memory look) {
        uint256 packed = _packedVenue(i);
        address pool = address(uint160(packed));
        look.pool = pool;
        if (uint8(packed >> 160) == 3) {
            look.isV3 = true;
            (look.x, look.tick) = IPoolV3(pool).slot0();
            look.y = IPoolV3(pool).liquidity();
        } else {
            (look.x, look.y,) = IPairV2(pool).getReserves();
        }
        look.balance0 = token0.balanceOf(pool);
        look.balance1 = token1.balanceOf(pool);
    }

    function _feePips(uint256 i) internal view returns (uint24) {
        return uint24(_packedVenue(i) >> 168);
    }

    function _packedVenue(uint256 i) private view returns (uint256) {
        if (i >= _venueCount) revert NoSuchVenue(i);
        return i == 0 ? _venue0 : i == 1 ? _venue1 : i == 2 ? _venue2 : _venue3;
    }

    function _setFingerprint(uint256 i, bytes32 value) private {
        if (i == 0) _fingerprint0 = value;
        else if (i == 1) _fingerprint1 = value;
        else if (i == 2) _fingerprint2 = value;
        else _fingerprint3 = value;
    }
}
