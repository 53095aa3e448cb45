// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Calls into code that is not trusted: what comes back is copied with a bound, and never decoded blindly.
library Calls {
    /// @notice The token does not answer `balanceOf`, so nothing can be proven about custody.
    error BalanceUnreadable(address token);

    /// @notice Calls `target` with `data` and at most `gasLimit` gas (63/64 of what is left where that is less).
    /// @return ok whether the call succeeded.
    /// @return size how many bytes it returned.
    /// @return head the first of them, at most `maxBytes`.
    function bounded(address target, uint256 gasLimit, bytes memory data, uint256 maxBytes)
        internal
        returns (bool ok, uint256 size, bytes memory head)
    {
        assembly ("memory-safe") {
            ok := call(gasLimit, target, 0, add(data, 32), mload(data), 0, 0)
            size := returndatasize()
        }
        head = new bytes(size < maxBytes ? size : maxBytes);
        assembly ("memory-safe") {
            returndatacopy(add(head, 32), 0, mload(head))
        }
    }

    /// @notice The balance of `owner`; reverts where the token gives no full word.
    function balanceOf(address token, address owner) internal view returns (uint256 amount) {
        bool ok;
        assembly ("memory-safe") {
            // In the scratch space, as this is called most often.
            mstore(0, shl(224, 0x70a08231)) // balanceOf(address)
            mstore(4, shr(96, shl(96, owner)))
            ok := staticcall(gas(), token, 0, 36, 0, 32)
            ok := and(ok, gt(returndatasize(), 31))
            amount := mload(0)
        }
        if (!ok) revert BalanceUnreadable(token);
    }

    /// @notice Tries `transfer`. True says that the token claims success, not that anything moved: compare balances.
    function transfer(address token, address to, uint256 amount) internal returns (bool) {
        return _claimsSuccess(token, abi.encodeWithSelector(0xa9059cbb, to, amount)); // transfer(address,uint256)
    }

    /// @notice Tries `transferFrom`; as `transfer`.
    function transferFrom(address token, address from, address to, uint256 amount) internal returns (bool) {
        return _claimsSuccess(token, abi.encodeWithSelector(0x23b872dd, from, to, amount));
    }

    /// @dev Success is: no revert, and either the word 1 comes back, or nothing at all from an address with code
    ///      (older tokens return nothing). At most 32 bytes are copied, onto zeros: fewer are not the word 1.
    function _claimsSuccess(address token, bytes memory data) private returns (bool ok) {
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(gas(), token, 0, add(data, 32), mload(data), 0, 32)
            switch returndatasize()
            case 0 { ok := and(ok, gt(extcodesize(token), 0)) }
            default { ok := and(ok, eq(mload(0), 1)) }
        }
    }
}
