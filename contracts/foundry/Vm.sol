// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What these projects use of Foundry's cheat codes, so that nothing has to be fetched to build them.
interface Vm {
    /// @notice Sets the time of the block, in Unix seconds.
    function warp(uint256 timestamp) external;

    /// @notice Sets the block's number.
    function roll(uint256 number) external;

    /// @notice Sets the chain's id.
    function chainId(uint256 id) external;

    /// @notice Puts the accounts of a file into the state: code where it has some, storage over what is there.
    function loadAllocs(string calldata path) external;

    /// @notice Sets an account's coins.
    function deal(address account, uint256 amount) external;

    /// @notice Puts code at an address.
    function etch(address account, bytes calldata code) external;

    /// @notice The next call comes from there.
    function prank(address sender) external;

    /// @notice The next call must revert.
    function expectRevert() external;

    /// @notice The next call must revert with this error, whatever its arguments.
    function expectPartialRevert(bytes4 selector) external;

    function assertEq(uint256 left, uint256 right, string calldata what) external pure;

    /// @notice Calls from here to `stopBroadcast` are transactions of the script's wallet.
    function startBroadcast() external;
    function stopBroadcast() external;

    function readFile(string calldata path) external view returns (string memory);
    function parseJsonUint(string calldata json, string calldata path) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata path) external pure returns (uint256[] memory);
    function parseJsonAddress(string calldata json, string calldata path) external pure returns (address);
    function parseJsonAddressArray(string calldata json, string calldata path) external pure returns (address[] memory);
    function parseJsonBytes(string calldata json, string calldata path) external pure returns (bytes memory);
    function parseJsonBytesArray(string calldata json, string calldata path) external pure returns (bytes[] memory);
    function toString(uint256 value) external pure returns (string memory);
}

/// @dev Foundry answers at this address, in tests and scripts only.
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
