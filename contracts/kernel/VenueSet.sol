// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "./Calls.sol";
import {Custody} from "./Custody.sol";
import {IClearingRule} from "./IKernel.sol";
import {IPairV2, IPoolManager, IPoolV3, PoolKey} from "./IPools.sol";

/// @notice A genuine Uniswap pool that the kernel may trade on; `kind` is 2, 3 or 4.
/// @dev For v4 `pool` is the PoolManager, and the rest says which of its pools: one without hooks, of two ERC-20
///      tokens. v2 pairs and v3 pools tell these themselves; here they are 0.
struct Venue {
    address pool;
    uint8 kind;
    address token0;
    address token1;
    uint24 feePips;
    int24 tickSpacing;
}

/// @notice Which pools the kernel trades on, and whether anybody else touched one while a batch is being cleared.
/// @dev The deployer must name genuine Uniswap v2 pairs (fee 0.3 %), v3 pools and v4 PoolManagers: their code is
///      trusted, their tokens' is not. Promise: a venue whose price, liquidity, fees, reserves or balances changed
///      other than by the kernel's own trade or donation is noticed before it is used again, and at the end of `clear`
///      at the latest. (The balances of a v4 manager are those of all its pools; there the fees that the pool has
///      earned are looked at.) Liquidity away from the current price that is removed and not yet collected changes none
///      of these and is not noticed; its owner could as well have removed it just before the batch.
abstract contract VenueSet is Custody {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    error VenueCount(uint256 count);
    error VenueKind(uint256 i, uint8 kind);
    error VenueTokens(uint256 i);
    error VenueTwice(uint256 i);
    error NoSuchVenue(uint256 i);
    error VenueTouched(uint256 i);
    error VenueBusy(uint256 i);

    // ------------------------------------------------------------------ STORAGE

    uint256 internal constant MAX_VENUES = 4;
    uint24 private constant FEE_PIPS_V2 = 3000;
    uint256 private constant PIPS = 1e6;

    // Where a v4 PoolManager keeps its pools, and (transient) that it is unlocked: StateLibrary and Lock of v4-core.
    uint256 private constant POOLS_V4 = 6;
    bytes32 private constant UNLOCKED_V4 = bytes32(uint256(keccak256("Unlocked")) - 1);

    uint256 internal immutable _venueCount;
    /// @dev pool | kind << 160 | feePips << 168 | tickSpacing << 192 | place of its token0 << 216 | of its token1 << 224,
    ///      the places being those among the traded tokens. Immutable, so that a venue costs no storage access.
    uint256 private immutable _venue0;
    uint256 private immutable _venue1;
    uint256 private immutable _venue2;
    uint256 private immutable _venue3;

    bytes32 private transient _fingerprint0;
    bytes32 private transient _fingerprint1;
    bytes32 private transient _fingerprint2;
    bytes32 private transient _fingerprint3;

    /// @dev A venue as it stands. v2: `x` and `y` are the reserves, `rest` is 0. v3: sqrtPriceX96, the liquidity in
    ///      range, and the tick; v4: likewise, the tick with the fees above it. `mark0` and `mark1` are the pool's
    ///      balances, for v4 what a unit of liquidity has earned of each token. All of these make the fingerprint; the
    ///      tokens never change.
    struct Look {
        address pool;
        uint256 kind;
        uint256 x;
        uint256 y;
        uint256 rest;
        uint256 mark0;
        uint256 mark1;
        address token0;
        address token1;
    }

    uint256 private constant FIRST_PAIR = 0 | 1 << 8;
    uint256 private constant FINGERPRINT_BYTES = 7 * 32;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, Venue[] memory venues) Custody(rule_, _tokensOf(venues)) {
        uint256 count = venues.length;
        uint256[MAX_VENUES] memory packed;
        for (uint256 i; i < count; ++i) {
            packed[i] = _checked(venues[i]);
            for (uint256 j; j < i; ++j) {
                if (packed[i] == packed[j]) revert VenueTwice(i);
            }
        }
        _venueCount = count;
        (_venue0, _venue1, _venue2, _venue3) = (packed[0], packed[1], packed[2], packed[3]);
    }

    /// @dev Every token that some venue trades, once.
    function _tokensOf(Venue[] memory venues) private view returns (address[] memory tokens) {
        if (venues.length == 0 || venues.length > MAX_VENUES) revert VenueCount(venues.length);
        tokens = new address[](2 * venues.length);
        uint256 count;
        for (uint256 i; i < venues.length; ++i) {
            if (venues[i].kind < 2 || venues[i].kind > 4) revert VenueKind(i, venues[i].kind);
            (address first, address second) = _pairOf(venues[i]);
            if (first == address(0) || first >= second) revert VenueTokens(i); // 0: the chain's own coin
            count = _listed(tokens, count, first);
            count = _listed(tokens, count, second);
        }
        assembly ("memory-safe") {
            mstore(tokens, count) // shorter than it was made
        }
    }

    function _listed(address[] memory tokens, uint256 count, address token_) private pure returns (uint256) {
        for (uint256 k; k < count; ++k) {
            if (tokens[k] == token_) return count;
        }
        tokens[count] = token_;
        return count + 1;
    }

    function _pairOf(Venue memory venue_) private view returns (address, address) {
        if (venue_.kind == 4) return (venue_.token0, venue_.token1);
        return (IPoolV3(venue_.pool).token0(), IPoolV3(venue_.pool).token1()); // a pair answers the same
    }

    function _checked(Venue memory venue_) private view returns (uint256) {
        (address pool, uint256 kind) = (venue_.pool, venue_.kind);
        (uint24 feePips, int24 tickSpacing) = (FEE_PIPS_V2, int24(0));
        if (kind == 4) {
            (feePips, tickSpacing) = (venue_.feePips, venue_.tickSpacing);
            IPoolManager(pool).exttload(UNLOCKED_V4);
        } else if (kind == 3) {
            feePips = IPoolV3(pool).fee();
        } else {
            IPairV2(pool).getReserves();
        }
        (address first, address second) = _pairOf(venue_);
        return uint256(uint160(pool)) | kind << 160 | uint256(feePips) << 168 | uint256(uint24(tickSpacing)) << 192
            | _indexOf(first) << 216 | _indexOf(second) << 224;
    }

    /// @dev From here on every venue must stay as it is. Whoever has unlocked a v4 manager could have the rule's calls
    ///      to it fail, so a batch begins with all of them locked.
    function _openVenues() internal {
        for (uint256 i; i < _venueCount; ++i) {
            Look memory look = _look(i);
            if (look.kind == 4 && IPoolManager(look.pool).exttload(UNLOCKED_V4) != 0) revert VenueBusy(i);
            _remember(i, look);
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
        if (_fingerprint(look) != expected) revert VenueTouched(i);
    }

    function _remember(uint256 i, Look memory look) internal {
        _setFingerprint(i, _fingerprint(look));
    }

    /// @dev Of a struct's words where they lie: encoding them first would cost several times as much.
    function _fingerprint(Look memory look) private pure returns (bytes32 hash) {
        uint256 size = FINGERPRINT_BYTES;
        assembly ("memory-safe") {
            hash := keccak256(look, size)
        }
    }

    function _isToken0(Look memory look, address token_) internal pure returns (bool) {
        if (token_ == look.token0) return true;
        if (token_ == look.token1) return false;
        revert NotTraded(token_);
    }

    /// @dev A venue's tokens, token0 first.
    function _pair(uint256 packed) internal view returns (address, address) {
        uint256 places = packed >> 216;
        return places == FIRST_PAIR ? _firstPair() : (token(places & 0xff), token(places >> 8));
    }

    function _look(uint256 i) internal view returns (Look memory look) {
        uint256 packed = _packedVenue(i);
        address pool = address(uint160(packed));
        uint256 kind = uint8(packed >> 160);
        (look.pool, look.kind) = (pool, kind);
        (look.token0, look.token1) = _pair(packed);
        if (kind == 3) {
            int24 tick;
            (look.x, tick) = IPoolV3(pool).slot0();
            look.rest = uint24(tick);
            look.y = IPoolV3(pool).liquidity();
        } else if (kind == 2) {
            (look.x, look.y,) = IPairV2(pool).getReserves();
        } else {
            bytes32[] memory words = IPoolManager(pool).extsload(_slotV4(packed), 4);
            (look.x, look.rest) = (uint160(uint256(words[0])), uint256(words[0]) >> 160);
            (look.mark0, look.mark1, look.y) = (uint256(words[1]), uint256(words[2]), uint256(words[3]));
            return look;
        }
        look.mark0 = look.token0.balanceOf(pool);
        look.mark1 = look.token1.balanceOf(pool);
    }

    /// @dev In 1e-6 of the input. What a v4 pool takes for its providers comes on top of what it takes for the
    ///      protocol; where that differs by direction, the larger is told.
    function _feePips(uint256 i) internal view returns (uint24) {
        uint256 packed = _packedVenue(i);
        uint256 fee = uint24(packed >> 168);
        if (uint8(packed >> 160) != 4) return uint24(fee);
        uint256 both = uint256(IPoolManager(address(uint160(packed))).extsload(_slotV4(packed))) >> 184;
        (uint256 one, uint256 other) = (both & 0xfff, both >> 12 & 0xfff);
        uint256 protocol = one > other ? one : other;
        return uint24(protocol + fee - protocol * fee / PIPS);
    }

    /// @dev Which of its manager's pools a v4 venue is.
    function _keyV4(uint256 i) internal view returns (PoolKey memory) {
        return _unpackedV4(_packedVenue(i));
    }

    function _unpackedV4(uint256 packed) private view returns (PoolKey memory) {
        (address first, address second) = _pair(packed);
        return PoolKey(first, second, uint24(packed >> 168), int24(uint24(packed >> 192)), address(0));
    }

    /// @dev The first of a v4 pool's slots: price, tick and fees; then what was earned of each token; then the
    ///      liquidity.
    function _slotV4(uint256 packed) private view returns (bytes32) {
        bytes32 id = keccak256(abi.encode(_unpackedV4(packed)));
        return keccak256(abi.encode(id, POOLS_V4));
    }

    function _packedVenue(uint256 i) internal view returns (uint256) {
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
