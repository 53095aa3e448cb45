// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A participant that is a contract, and answers a payout as it is told
contract PactGuest {
    enum Mood {
        Accepting,
        Refusing, // reverts on coins
        Reentering // calls back, with what it was given, before the payout has ended
    }

    Mood private _mood;
    address private _callee;
    bytes private _callData;

    function behave(Mood mood, address callee, bytes calldata data) external {
        (_mood, _callee, _callData) = (mood, callee, data);
    }

    /// @notice Calls as this guest, with the coins that come along.
    function act(address to, bytes calldata data) external payable {
        (bool ok, bytes memory back) = to.call{value: msg.value}(data);
        if (!ok) {
            assembly {
                revert(add(back, 32), mload(back))
            }
        }
    }

    /// @notice What a token with hooks calls.
    function poke() external {
        _answer();
    }

    receive() external payable {
        require(_mood != Mood.Refusing, "no coins");
        _answer();
    }

    function _answer() private {
        if (_mood != Mood.Reentering) return;
        _mood = Mood.Accepting; // once: the payout inside is accepted
        (bool ok,) = _callee.call(_callData);
        ok;
    }
}
