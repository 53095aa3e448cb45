// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearingRule, IKernel} from "./IKernel.sol";

/// @notice One lock over every entry, the rule's way back into the kernel, and the rule's state.
/// @dev First in the line of inheritance: the rule's state must be storage slots 0 to 63.
abstract contract Guard is IKernel {
    // ------------------------------------------------------------------ ERRORS

    error Locked();
    error NotTheRule();
    error NotClearing();
    error Nested();
    error KeyOutOfRange(uint256 key);
    error RuleHasNoCode(address rule);

    // ------------------------------------------------------------------ EVENTS

    event Stored(uint256 key, uint256 value);

    // ------------------------------------------------------------------ STORAGE

    /// @dev Busy: in `settle` or `claim`, outside of the rule. The last three: inside the rule's own call to a venue.
    enum Phase {
        Idle,
        Busy,
        Clearing,
        Quoting,
        Trading,
        Donating
    }

    uint256 private constant STATE_KEYS = 64;

    /// @dev Slots 0 to 63 exactly: a replay carries a rule's state from batch to batch by these slots.
    uint256[STATE_KEYS] private _ruleState;

    /// @notice The mechanism. Part of what a trader signs, because the signature is bound to this kernel's address.
    IClearingRule public immutable rule;

    Phase internal transient _phase;

    // ------------------------------------------------------------------ LOGIC

    constructor(IClearingRule rule_) {
        if (address(rule_).code.length == 0) revert RuleHasNoCode(address(rule_));
        rule = rule_;
    }

    /// @dev Nothing that is entered from outside runs inside anything else.
    modifier locked() {
        if (_phase != Phase.Idle) revert Locked();
        _phase = Phase.Busy;
        _;
        _phase = Phase.Idle;
    }

    /// @dev Only the rule, only while it clears, and not while it is inside a venue.
    modifier fromRule() {
        if (msg.sender != address(rule)) revert NotTheRule();
        if (_phase > Phase.Clearing) revert Nested();
        if (_phase != Phase.Clearing) revert NotClearing();
        _;
    }

    /// @inheritdoc IKernel
    function load(uint256 key) external view override fromRule returns (uint256 value) {
        if (key >= STATE_KEYS) revert KeyOutOfRange(key);
        value = _ruleState[key];
    }

    /// @inheritdoc IKernel
    function store(uint256 key, uint256 value) external override fromRule returns (uint256 previous) {
        if (key >= STATE_KEYS) revert KeyOutOfRange(key);
        previous = _ruleState[key];
        _ruleState[key] = value;
        emit Stored(key, value);
    }
}
