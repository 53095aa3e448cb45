// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, Order} from "./IKernel.sol";
import {Settlement} from "./Settlement.sol";
import {Venue} from "./VenueSet.sol";

/// @title The settlement kernel for orders that their traders signed
/// @notice Anybody may settle; an order is its trader's will if it carries the trader's EIP-712 signature for this very
///         contract, and so for its rule and venues, on this chain.
/// @dev Accounts with a key only: contracts that sign by EIP-1271 are not asked.
contract SignedSettlement is Settlement {
    // ------------------------------------------------------------------ ERRORS

    error SignatureCount(uint256 count, uint256 expected);

    // ------------------------------------------------------------------ STORAGE

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ORDER_TYPE = keccak256(
        "Order(address trader,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,uint256 nonce,bool partiallyFillable,uint64 validTo,uint64 placedAt)"
    );
    /// @dev Half of the curve's order: for each signature there is a second one with the other s, which is refused.
    uint256 private constant HIGHEST_S = (0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - 1) / 2;

    uint256 private immutable _deployedChainId;
    bytes32 private immutable _deployedDomain;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_, Venue[] memory venues) Settlement(rule_, venues) {
        _deployedChainId = block.chainid;
        _deployedDomain = _domain();
    }

    /// @notice Settles one batch.
    /// @param signatures one for each order, 65 bytes: r, s, v (27 or 28).
    /// @return fills one for each order; (0, 0) where it was dropped or left unfilled.
    function settle(Order[] calldata orders, bytes[] calldata signatures) external returns (Fill[] memory fills) {
        uint256 count = orders.length;
        if (signatures.length != count) revert SignatureCount(signatures.length, count);
        bytes32 domain = domainSeparator();
        bool[] memory authentic = new bool[](count);
        for (uint256 i; i < count; ++i) {
            authentic[i] = _signedBy(orders[i].trader, _digest(domain, orders[i]), signatures[i]);
        }
        return _settle(orders, authentic);
    }

    /// @notice What a trader signs.
    function orderDigest(Order calldata order) external view returns (bytes32) {
        return _digest(domainSeparator(), order);
    }

    /// @notice The EIP-712 domain: name "Pactsmith", version "1"; follows the chain id when the chain splits.
    function domainSeparator() public view returns (bytes32) {
        return block.chainid == _deployedChainId ? _deployedDomain : _domain();
    }

    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, keccak256("Pactsmith"), keccak256("1"), block.chainid, address(this)));
    }

    function _digest(bytes32 domain, Order calldata order) private pure returns (bytes32) {
        // Every field of an order is one word, so its ABI encoding is its EIP-712 encoding.
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(abi.encode(ORDER_TYPE, order))));
    }

    function _signedBy(address trader, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        if (signature.length != 65) return false;
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) > HIGHEST_S || (v != 27 && v != 28)) return false;
        address signer = ecrecover(digest, v, r, s);
        return signer != address(0) && signer == trader;
    }
}
