// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calls} from "pactsmith/Calls.sol";
import {Attestation, Disputed, IPact, NoShow, Terms} from "pactsmith/IPact.sol";

/// @title A meetup with deposits
/// @notice Nobody has power over the money: what each gets follows from the terms, from who joined, and from what was
///         attested and contested in time. Nothing has to be settled by anybody: once the last span is over, everybody
///         takes the own part alone, whoever else has vanished.
contract MeetupPact is IPact {
    using Calls for address;

    // ------------------------------------------------------------------ ERRORS

    error BadTerms(string what);
    error BadGuest(address guest);
    error NotInvited();
    error AlreadyJoined();
    error JoiningIsOver();
    error PactIsFull();
    error PactIsOff();
    error WrongDeposit(uint256 brought, uint256 expected);
    error DepositNotReceived();
    error OnlyWithToken();
    error SignatureExpired();
    error WrongSignature();
    error OnlyHost();
    error AlreadyStarted();
    error NotTheTime();
    error MayNotAttest();
    error NotAParticipant(address who);
    error NotAboutYourself();
    error NotFoundAbsent();
    error AlreadyContested();
    error NothingOwed();
    error NotACommonRecipient();
    error PayoutFailed();
    error Locked();

    // ------------------------------------------------------------------ EVENTS

    event Opened(Terms terms, address[] invited);
    event Joined(address indexed participant, uint256 count);
    event Cancelled();
    event Attested(address indexed attester, address indexed absent);
    event Contested(address indexed participant);
    event Claimed(address indexed owner, address to, uint256 amount);

    // ------------------------------------------------------------------ STORAGE

    uint256 private constant MAX_CAPACITY = 64; // a set of participants is one word's lower bits
    uint256 private constant MIN_SPAN_SECONDS = 1 hours;
    uint256 private constant MAX_SPAN_SECONDS = 30 days;
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant JOIN_TYPE = keccak256("Join(address participant,uint256 validUntil)");
    /// @dev Half of the curve's order: for each signature there is a second one with the other s, which is refused.
    uint256 private constant HIGHEST_S = (0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - 1) / 2;

    Terms private _terms;
    mapping(address => bool) public invited;
    address[] private _participants;
    /// @dev Place in `_participants`, counted from 1; 0 for who did not join.
    mapping(address => uint256) private _number;
    bool public cancelled;
    /// @dev Sets of participants: bit i is for the one at place i.
    uint256 private _reportedByHost;
    mapping(uint256 absent => uint256 attesters) private _attesters;
    uint256 private _contested;
    mapping(address => bool) public paid;
    bool private transient _locked;

    /// @dev A token or a recipient may call back.
    modifier locked() {
        if (_locked) revert Locked();
        _locked = true;
        _;
        _locked = false;
    }

    // ------------------------------------------------------------------ LOGIC: opening

    constructor(Terms memory terms_, address[] memory invited_) {
        _checkTerms(terms_, invited_.length);
        for (uint256 i; i < invited_.length; ++i) {
            address guest = invited_[i];
            bool common = guest == address(0) || guest == BURN || guest == terms_.charity || guest == terms_.token;
            if (common || invited[guest]) revert BadGuest(guest);
            invited[guest] = true;
        }
        _terms = terms_;
        emit Opened(terms_, invited_);
    }

    function _checkTerms(Terms memory t, uint256 guests) private view {
        if (t.host == address(0)) revert BadTerms("host");
        if (t.token != address(0) && t.token.code.length == 0) revert BadTerms("token");
        if (t.deposit == 0 || t.deposit > type(uint128).max) revert BadTerms("deposit");
        if (t.capacity == 0 || t.capacity > MAX_CAPACITY || t.capacity > guests) revert BadTerms("capacity");
        if (t.quorum == 0 || t.quorum > t.capacity) revert BadTerms("quorum");
        if (t.joinUntil <= block.timestamp) revert BadTerms("joinUntil");
        if (t.startsAt < t.joinUntil || t.startsAt > type(uint40).max) revert BadTerms("startsAt");
        if (_isNoSpan(t.attestSeconds)) revert BadTerms("attestSeconds");
        if (_isNoSpan(t.contestSeconds)) revert BadTerms("contestSeconds");
        if ((t.noShow == NoShow.Charity) != (t.charity != address(0))) revert BadTerms("charity");
        if (t.charity == BURN || t.charity == t.host) revert BadTerms("charity"); // who attests never gains
    }

    function _isNoSpan(uint256 span) private pure returns (bool) {
        return span < MIN_SPAN_SECONDS || span > MAX_SPAN_SECONDS;
    }

    // ------------------------------------------------------------------ LOGIC: joining

    /// @inheritdoc IPact
    function join() external payable locked {
        _enter(msg.sender);
        address token = _terms.token;
        uint256 expected = token == address(0) ? _terms.deposit : 0;
        if (msg.value != expected) revert WrongDeposit(msg.value, expected);
        if (token != address(0)) _pull(token, msg.sender);
    }

    /// @inheritdoc IPact
    function joinBySignature(
        address participant,
        uint256 validUntil,
        bytes calldata signature,
        bytes calldata permit
    ) external locked {
        address token = _terms.token;
        if (token == address(0)) revert OnlyWithToken();
        if (block.timestamp > validUntil) revert SignatureExpired();
        bytes32 content = keccak256(abi.encode(JOIN_TYPE, participant, validUntil));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domainSeparator(), content));
        if (!_signedBy(participant, digest, signature)) revert WrongSignature();
        _enter(participant);
        if (permit.length == 65) _permit(token, participant, validUntil, permit);
        _pull(token, participant);
    }

    /// @notice The EIP-712 domain that participants sign for.
    function domainSeparator() public view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("Pactsmith Meetup"), keccak256("1"), block.chainid, address(this))
        );
    }

    function _enter(address participant) private {
        if (!invited[participant]) revert NotInvited();
        if (_number[participant] != 0) revert AlreadyJoined();
        if (cancelled) revert PactIsOff();
        if (block.timestamp >= _terms.joinUntil) revert JoiningIsOver();
        if (_participants.length == _terms.capacity) revert PactIsFull();
        _participants.push(participant);
        _number[participant] = _participants.length;
        emit Joined(participant, _participants.length);
    }

    function _pull(address token, address from) private {
        uint256 deposit = _terms.deposit;
        uint256 before = token.balanceOf(address(this));
        if (!token.transferFrom(from, address(this), deposit)) revert DepositNotReceived();
        uint256 held = token.balanceOf(address(this));
        if (held < before || held - before != deposit) revert DepositNotReceived();
    }

    /// @dev A permit that fails is passed over: it may have been used before by somebody who saw it.
    function _permit(address token, address owner, uint256 deadline, bytes calldata signature) private {
        bytes memory call = abi.encodeWithSignature(
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
            owner,
            address(this),
            _terms.deposit,
            deadline,
            uint8(signature[64]),
            bytes32(signature[:32]),
            bytes32(signature[32:64])
        );
        token.bounded(gasleft(), call, 0);
    }

    function _signedBy(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        if (signature.length != 65) return false;
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HIGHEST_S) return false;
        address recovered = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
        return recovered != address(0) && recovered == signer;
    }

    // ------------------------------------------------------------------ LOGIC: calling off

    /// @inheritdoc IPact
    function cancel() external {
        if (msg.sender != _terms.host) revert OnlyHost();
        if (block.timestamp >= _terms.startsAt) revert AlreadyStarted();
        if (isOff()) revert PactIsOff();
        cancelled = true;
        emit Cancelled();
    }

    /// @notice Whether the pact was cancelled, or too few had joined in time.
    function isOff() public view returns (bool) {
        return cancelled || (block.timestamp >= _terms.joinUntil && _participants.length < _terms.quorum);
    }

    // ------------------------------------------------------------------ LOGIC: attesting

    /// @notice Until when absences can be attested, and from when on they can be contested.
    function attestUntil() public view returns (uint256) {
        return uint256(_terms.startsAt) + _terms.attestSeconds;
    }

    /// @notice From when on everybody can claim.
    function paysFrom() public view returns (uint256) {
        return attestUntil() + _terms.contestSeconds;
    }

    /// @inheritdoc IPact
    function attest(address[] calldata absent) external {
        bool byHost = _terms.attestation == Attestation.Host;
        if (byHost ? msg.sender != _terms.host : _number[msg.sender] == 0) revert MayNotAttest();
        if (isOff()) revert PactIsOff();
        if (block.timestamp < _terms.startsAt || block.timestamp >= attestUntil()) revert NotTheTime();
        for (uint256 i; i < absent.length; ++i) {
            if (_number[absent[i]] == 0) revert NotAParticipant(absent[i]);
            if (absent[i] == msg.sender) revert NotAboutYourself();
            if (byHost) _reportedByHost |= _bit(absent[i]);
            else _attesters[_number[absent[i]] - 1] |= _bit(msg.sender);
            emit Attested(msg.sender, absent[i]);
        }
    }

    /// @inheritdoc IPact
    function contest() external {
        if (isOff()) revert PactIsOff();
        if (block.timestamp < attestUntil() || block.timestamp >= paysFrom()) revert NotTheTime();
        if (_foundAbsent() & _bit(msg.sender) == 0) revert NotFoundAbsent();
        if (_contested & _bit(msg.sender) != 0) revert AlreadyContested();
        _contested |= _bit(msg.sender);
        emit Contested(msg.sender);
    }

    /// @dev Those whom the attestation finds absent, contested or not.
    function _foundAbsent() private view returns (uint256 found) {
        if (_terms.attestation == Attestation.Host) return _reportedByHost;
        uint256 count = _participants.length;
        for (uint256 i; i < count; ++i) {
            if (2 * _size(_attesters[i]) > count - 1) found |= 1 << i;
        }
    }

    /// @dev Those who get no part of that absence because they attested it.
    function _attestersOf(uint256 absent) private view returns (uint256) {
        return _terms.attestation == Attestation.Host ? _bit(_terms.host) : _attesters[absent];
    }

    // ------------------------------------------------------------------ LOGIC: who gets what

    /// @inheritdoc IPact
    function owed(address who) public view returns (uint256) {
        if (paid[who]) return 0;
        if (isOff()) return _bit(who) == 0 ? 0 : _terms.deposit;
        if (block.timestamp < paysFrom()) return 0;
        if (_terms.noShow == NoShow.Refund) return _bit(who) == 0 ? 0 : _terms.deposit;
        uint256 found = _foundAbsent();
        uint256 absent = found & ~_contested;
        uint256 disputed = found & _contested;
        if (who == BURN) return _burnt(absent, disputed);
        if (_terms.noShow == NoShow.Charity && who == _terms.charity) return _terms.deposit * _size(absent);
        return _owedTo(_bit(who), absent, disputed);
    }

    function _owedTo(uint256 bit, uint256 absent, uint256 disputed) private view returns (uint256 amount) {
        if (bit == 0 || absent & bit != 0) return 0;
        if (disputed & bit != 0) return _terms.disputed == Disputed.Refund ? _terms.deposit : 0;
        amount = _terms.deposit;
        if (_terms.noShow != NoShow.Split) return amount;
        for (uint256 i; absent >> i != 0; ++i) {
            if (absent >> i & 1 != 0) amount += _part(_takers(i, absent), bit);
        }
    }

    /// @dev For whom an absent one's deposit is divided. Those in dispute count, though their parts are burnt: else
    ///      the others' parts would grow by putting one of them under suspicion.
    function _takers(uint256 i, uint256 absent) private view returns (uint256) {
        uint256 everybody = (1 << _participants.length) - 1;
        return everybody & ~absent & ~_attestersOf(i);
    }

    /// @dev One taker's part of an absent one's deposit. The first by joining get one unit more until none is left: if
    ///      a remainder were burnt, a group could save it by lying about one of its own.
    function _part(uint256 takers, uint256 bit) private view returns (uint256 amount) {
        if (takers & bit == 0) return 0;
        uint256 count = _size(takers);
        amount = _terms.deposit / count;
        if (_size(takers & (bit - 1)) < _terms.deposit % count) ++amount;
    }

    function _burnt(uint256 absent, uint256 disputed) private view returns (uint256 amount) {
        if (_terms.disputed == Disputed.Burn) amount += _terms.deposit * _size(disputed);
        if (_terms.noShow == NoShow.Burn) amount += _terms.deposit * _size(absent);
        if (_terms.noShow != NoShow.Split) return amount;
        for (uint256 i; absent >> i != 0; ++i) {
            if (absent >> i & 1 != 0) amount += _withheld(_takers(i, absent), disputed);
        }
    }

    /// @dev What of an absent one's deposit nobody gets.
    function _withheld(uint256 takers, uint256 disputed) private view returns (uint256 amount) {
        if (takers == 0) return _terms.deposit;
        if (takers & disputed == 0) return 0;
        uint256 count = _size(takers);
        amount = _terms.deposit / count * _size(takers & disputed);
        for (uint256 units = _terms.deposit % count; units != 0; --units) {
            uint256 others = takers & (takers - 1); // without the first
            if ((takers ^ others) & disputed != 0) ++amount;
            takers = others;
        }
    }

    function _bit(address who) private view returns (uint256) {
        uint256 number = _number[who];
        return number == 0 ? 0 : 1 << (number - 1);
    }

    /// @dev How many bits are set, of the lowest 64: added up in pairs, then in fours, in eights, and all eights at once.
    function _size(uint256 set) private pure returns (uint256) {
        unchecked {
            set -= set >> 1 & 0x5555555555555555;
            set = (set & 0x3333333333333333) + (set >> 2 & 0x3333333333333333);
            set = set + (set >> 4) & 0x0f0f0f0f0f0f0f0f;
            return set * 0x0101010101010101 >> 56 & 0xff;
        }
    }

    // ------------------------------------------------------------------ LOGIC: paying

    /// @inheritdoc IPact
    function claim() external returns (uint256) {
        return _pay(msg.sender, msg.sender);
    }

    /// @inheritdoc IPact
    function claimTo(address to) external returns (uint256) {
        return _pay(msg.sender, to);
    }

    /// @inheritdoc IPact
    function claimFor(address recipient) external returns (uint256) {
        if (recipient != BURN && recipient != _terms.charity) revert NotACommonRecipient();
        return _pay(recipient, recipient);
    }

    /// @dev A payout that fails is undone with all that is noted here, and can be claimed again.
    function _pay(address owner, address to) private locked returns (uint256 amount) {
        amount = owed(owner);
        if (amount == 0) revert NothingOwed();
        paid[owner] = true;
        emit Claimed(owner, to, amount);
        if (to == address(0) || to == address(this)) revert PayoutFailed();
        address token = _terms.token;
        if (token == address(0)) {
            (bool ok,) = to.call{value: amount}("");
            if (!ok) revert PayoutFailed();
            return amount;
        }
        uint256 before = token.balanceOf(address(this));
        if (!token.transfer(to, amount)) revert PayoutFailed();
        uint256 held = token.balanceOf(address(this));
        if (held > before || before - held != amount) revert PayoutFailed();
    }

    // ------------------------------------------------------------------ LOGIC: reading

    /// @inheritdoc IPact
    function participants() external view returns (address[] memory) {
        return _participants;
    }

    /// @inheritdoc IPact
    function terms() external view returns (Terms memory) {
        return _terms;
    }
}
