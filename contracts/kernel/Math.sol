// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Exact unsigned arithmetic for clearing rules
/// @notice Every function is internal and pure, uses no assembly, and names its rounding: plain is down, `Up` is up.
/// @dev Square roots of prices are Q96: sqrt(token1 per token0 in smallest units) * 2**96, below 2**160.
library Math {
    /// @notice The quotient does not fit 256 bits, or the divisor is zero.
    error QuotientOverflow();

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }

    function absDiff(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a > b ? a - b : b - a;
        }
    }

    /// @notice a - b, or 0 where that would be negative.
    function saturatingSub(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a > b ? a - b : 0;
        }
    }

    /// @notice The 512-bit product of a and b: high * 2**256 + low.
    function fullMul(uint256 a, uint256 b) internal pure returns (uint256 low, uint256 high) {
        unchecked {
            low = a * b;
            // Modulo 2**256 - 1 the product is congruent to low + high, so the difference of the residues is high.
            uint256 residue = mulmod(a, b, type(uint256).max);
            high = residue - low;
            if (residue < low) --high;
        }
    }

    /// @notice floor(a * b / divisor) with the product taken in 512 bits.
    /// @dev Reverts with QuotientOverflow where the quotient does not fit, or where the divisor is zero.
    function mulDiv(uint256 a, uint256 b, uint256 divisor) internal pure returns (uint256) {
        (uint256 low, uint256 high) = fullMul(a, b);
        if (high >= divisor) revert QuotientOverflow();
        unchecked {
            if (high == 0) return low / divisor;

            // Make the division exact by taking the remainder away.
            uint256 remainder = mulmod(a, b, divisor);
            if (remainder > low) --high;
            low -= remainder;

            // Shift divisor and product right by the divisor's trailing zeros, so that the divisor is odd.
            uint256 power = divisor & (~divisor + 1);
            divisor /= power;
            low = (low / power) | (high * ((~power + 1) / power + 1));

            // An exact division by an odd number is a multiplication by its inverse modulo 2**256. x = 3d xor 2
            // inverts d in the lowest 5 bits, and every Newton step doubles the bits that are right.
            uint256 inverse = (3 * divisor) ^ 2;
            for (uint256 bits = 5; bits < 256; bits *= 2) {
                inverse *= 2 - divisor * inverse;
            }
            return low * inverse;
        }
    }

    /// @notice ceil(a * b / divisor) with the product taken in 512 bits.
    /// @dev Reverts as mulDiv does, and where rounding up leaves 256 bits.
    function mulDivUp(uint256 a, uint256 b, uint256 divisor) internal pure returns (uint256 quotient) {
        quotient = mulDiv(a, b, divisor);
        if (mulmod(a, b, divisor) != 0) {
            if (quotient == type(uint256).max) revert QuotientOverflow();
            unchecked {
                ++quotient;
            }
        }
    }

    /// @notice The largest integer whose square is at most a.
    function sqrt(uint256 a) internal pure returns (uint256 root) {
        if (a == 0) return 0;
        unchecked {
            // Start from the power of two just above the root: from above, Heron's steps fall until they reach it.
            uint256 rest = a;
            root = 2;
            if (rest >> 128 != 0) (rest, root) = (rest >> 128, root << 64);
            if (rest >> 64 != 0) (rest, root) = (rest >> 64, root << 32);
            if (rest >> 32 != 0) (rest, root) = (rest >> 32, root << 16);
            if (rest >> 16 != 0) (rest, root) = (rest >> 16, root << 8);
            if (rest >> 8 != 0) (rest, root) = (rest >> 8, root << 4);
            if (rest >> 4 != 0) (rest, root) = (rest >> 4, root << 2);
            if (rest >> 2 != 0) root <<= 1;
            while (true) {
                uint256 next = (root + a / root) >> 1;
                if (next >= root) return root;
                root = next;
            }
        }
    }

    /// @notice floor(amount * s * t / 2**192): `amount` of token0 in token1, at the price whose root is the geometric
    ///         mean of the roots s and t; with s = t at that root.
    /// @dev Where s * t leaves 256 bits it is first rounded down to a multiple of 2**64.
    function mulPriceX96(uint256 amount, uint256 s, uint256 t) internal pure returns (uint256) {
        if (s < 1 << 128 && t < 1 << 128) return mulDiv(amount, s * t, 1 << 192);
        return mulDiv(amount, mulDiv(s, t, 1 << 64), 1 << 128);
    }

    /// @notice floor(amount * 2**192 / (s * t)): `amount` of token1 in token0, as mulPriceX96.
    function divPriceX96(uint256 amount, uint256 s, uint256 t) internal pure returns (uint256) {
        if (s < 1 << 128 && t < 1 << 128) return mulDiv(amount, 1 << 192, s * t);
        return mulDiv(amount, 1 << 128, mulDiv(s, t, 1 << 64));
    }
}
