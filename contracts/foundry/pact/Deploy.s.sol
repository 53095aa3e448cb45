// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Terms} from "pactsmith/IPact.sol";

import {Agreed, DECIMALS, Pact} from "./Agreed.sol";
import {vm} from "./Vm.sol";

interface IDecimals {
    function decimals() external view returns (uint8);
}

/// @title Opens the pact, and tells whether a contract is this pact
/// @notice The pact's address follows from its code, its terms and its guests: whoever has this project can compute it.
contract Deploy {
    /// @dev The deployer that stands at this address on most chains; Foundry's scripts create by it.
    address private constant DEPLOYER = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    bytes32 private constant SALT = 0;
    string private constant FILE = "script/addresses.json";

    error FillIn(string what);
    error StandIn(address nobodys);
    error OtherFile(address expected, address found);
    error WrongChain(uint256 here, uint256 agreed);
    error NoToken(address token);
    error OtherDecimals(uint256 found, uint256 agreed);
    error JoiningIsOver(uint256 joinUntil);
    error NotThisPact(address found, address expected);
    error NotDeployed(address pact);

    /// @notice Deploys the pact with what was agreed on and what the file fills in.
    function run() external returns (Pact pact) {
        (Terms memory terms, address[] memory guests, uint256 chainId) = fromFile();
        check(terms, guests, chainId);
        vm.startBroadcast();
        pact = new Pact{salt: SALT}(terms, guests);
        vm.stopBroadcast();
        if (address(pact) != addressOf(terms, guests)) revert NotThisPact(address(pact), addressOf(terms, guests));
    }

    /// @notice Reverts unless the contract at `pact` is this pact: same code, same terms, same guests.
    function verify(address pact) external view {
        (Terms memory terms, address[] memory guests,) = fromFile();
        address expected = addressOf(terms, guests);
        if (pact != expected) revert NotThisPact(pact, expected);
        if (pact.code.length == 0) revert NotDeployed(pact);
    }

    /// @notice Where the pact with these terms and guests stands, once it is deployed.
    function addressOf(Terms memory terms, address[] memory guests) public pure returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(Pact).creationCode, abi.encode(terms, guests)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), DEPLOYER, SALT, code)))));
    }

    /// @notice What was agreed on, with the addresses and the chain that the file fills in.
    function fromFile() public view returns (Terms memory terms, address[] memory guests, uint256 chainId) {
        string memory json = vm.readFile(FILE);
        address[] memory standIns = Agreed.standIns();
        address[] memory addresses = new address[](standIns.length);
        for (uint256 i; i < standIns.length; ++i) {
            string memory missing = string.concat("$.missing[", vm.toString(i), "]");
            address standIn = vm.parseJsonAddress(json, string.concat(missing, ".standIn"));
            if (standIn != standIns[i]) revert OtherFile(standIns[i], standIn);
            addresses[i] = vm.parseJsonAddress(json, string.concat(missing, ".address"));
        }
        (terms, guests) = filledIn(addresses);
        chainId = vm.parseJsonUint(json, "$.chainId");
    }

    /// @notice What was agreed on, with `addresses` in place of the stand-ins, in their order.
    function filledIn(address[] memory addresses) public pure returns (Terms memory terms, address[] memory guests) {
        (terms, guests) = (Agreed.terms(), Agreed.guests());
        address[] memory standIns = Agreed.standIns();
        terms.host = _filledIn(terms.host, standIns, addresses);
        terms.token = _filledIn(terms.token, standIns, addresses);
        terms.charity = _filledIn(terms.charity, standIns, addresses);
        for (uint256 i; i < guests.length; ++i) guests[i] = _filledIn(guests[i], standIns, addresses);
    }

    function _filledIn(address agreed, address[] memory standIns, address[] memory addresses)
        private
        pure
        returns (address)
    {
        for (uint256 i; i < standIns.length; ++i) {
            if (agreed != standIns[i]) continue;
            if (addresses[i] == address(0)) revert FillIn("an address in script/addresses.json");
            return addresses[i];
        }
        return agreed;
    }

    /// @notice Reverts where money could be lost: another chain, an address that is nobody's, a token that is none.
    function check(Terms memory terms, address[] memory guests, uint256 chainId) public view {
        if (chainId == 0) revert FillIn("chainId in script/addresses.json");
        if (block.chainid != chainId) revert WrongChain(block.chainid, chainId);
        if (block.timestamp >= terms.joinUntil) revert JoiningIsOver(terms.joinUntil);
        _refuseStandIn(terms.host);
        _refuseStandIn(terms.charity);
        for (uint256 i; i < guests.length; ++i) _refuseStandIn(guests[i]);
        if (terms.token == address(0)) return;
        _refuseStandIn(terms.token);
        if (terms.token.code.length == 0) revert NoToken(terms.token);
        uint256 decimals = IDecimals(terms.token).decimals();
        if (decimals != DECIMALS) revert OtherDecimals(decimals, DECIMALS);
    }

    function _refuseStandIn(address who) private pure {
        address[] memory standIns = Agreed.standIns();
        for (uint256 i; i < standIns.length; ++i) {
            if (who == standIns[i]) revert StandIn(who);
        }
    }
}
