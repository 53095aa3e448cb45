// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Whose word it is that somebody who joined stayed away.
enum Attestation {
    Host,
    Majority // more than half of the others who joined
}

/// @notice What becomes of the deposit of somebody who stayed away.
enum NoShow {
    Split, // among those who came
    Refund,
    Burn,
    Charity
}

/// @notice What becomes of the deposit of somebody who is said to have stayed away and contests it.
enum Disputed {
    Refund,
    Burn
}

/// @notice What a group agreed on. Times are Unix seconds; each span begins with its first second and ends before the
///         second that ends it.
struct Terms {
    address host; // may cancel before the start; attests where attestation is the host's; need not be invited
    address token; // an ERC-20 token, or 0 for the chain's own coin
    uint256 deposit; // of each who joins, in the smallest unit
    uint16 capacity; // at most so many join
    uint16 quorum; // if fewer have joined by joinUntil, the pact is off
    uint64 joinUntil; // joining is possible before
    uint64 startsAt; // cancelling is possible before, attesting from then on
    uint32 attestSeconds; // so long from the start
    uint32 contestSeconds; // so long from the end of attesting; then the pact pays
    Attestation attestation;
    NoShow noShow;
    Disputed disputed;
    address charity; // 0 unless noShow is Charity
}

/// @title A pact: deposits that hold a group to its plan
/// @notice The contract has the constructor (Terms, address[] invited) and no other function that changes state.
///
///         What each gets, from `startsAt + attestSeconds + contestSeconds` on, or at once where the pact is off:
///         - the pact is off (cancelled, or too few joined): the deposit;
///         - did not stay away by the attestation: the deposit, and where absences are split a part of each of them;
///         - stayed away by the attestation and did not contest it: nothing (the deposit where noShow is Refund);
///         - contested it: the deposit or nothing, as `disputed` says, and no part of anything.
///
///         A deposit that is split is divided into equal parts, but for the rounding, for all who are not absent without
///         contesting it and did not attest that absence; where the host attests, he attested every one. A part that
///         would be for somebody whose own absence is disputed is burnt, and all of it where there is nobody to have it.
///         So nobody gains by what he attests, or by putting somebody else under suspicion.
interface IPact {
    /// @notice The caller joins, and brings the deposit: as the call's value, or by an allowance of the token.
    function join() external payable;

    /// @notice Joins somebody who signed `Join(address participant,uint256 validUntil)` (EIP-712; domain: name
    ///         "Pactsmith Meetup", version "1", the chain's id, this contract). Only for tokens: the deposit comes from
    ///         the participant's allowance, or by `permit`, an EIP-2612 signature for exactly the deposit with the
    ///         deadline `validUntil`; signatures are r, s, v in 65 bytes. Valid up to and including `validUntil`.
    function joinBySignature(
        address participant,
        uint256 validUntil,
        bytes calldata signature,
        bytes calldata permit
    ) external;

    /// @notice The host calls it off, before the start.
    function cancel() external;

    /// @notice The caller says that these, who joined, stayed away. May be called again for further ones.
    function attest(address[] calldata absent) external;

    /// @notice The caller, who is found absent, says that this is not so.
    function contest() external;

    /// @notice Pays the caller what is owed; reverts where nothing is.
    function claim() external returns (uint256 amount);

    /// @notice As `claim`, to another address: for an owner whom the token or coin cannot reach.
    function claimTo(address to) external returns (uint256 amount);

    /// @notice Pays the charity, or 0x…dEaD what is to be burnt. Anybody may call it.
    function claimFor(address recipient) external returns (uint256 amount);

    /// @notice What `who` could claim now.
    function owed(address who) external view returns (uint256 amount);

    /// @notice Who joined, in the order of joining.
    function participants() external view returns (address[] memory);

    function terms() external view returns (Terms memory);
}
