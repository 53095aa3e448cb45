// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A token that misbehaves as it is told
/// @notice Plain until `behave` is called; then only in transfers of its subject (as sender or recipient), or in all
///         where the subject is 0.
contract HostileToken {
    enum Mode {
        Plain,
        NoReturn, // moves, returns nothing
        FalseUnmoved, // returns false, moves nothing
        FalseMoved, // returns false, but moves
        TrueUnmoved, // returns true, but moves nothing
        Three, // moves, returns the word 3
        ShortReturn, // moves, returns 31 bytes
        Reverts,
        RecipientFee, // a tenth does not arrive
        SenderFee, // a tenth is taken from the sender besides
        Gift, // a tenth more arrives
        ReturnBomb, // moves, returns 300 kB that begin with the word 1
        RevertBomb, // reverts with 300 kB
        BurnGas, // loops for ever
        Calls, // calls out before it moves, and keeps what came back
        CallsOrReverts // as Calls, and reverts where the call does
    }

    uint256 private constant BOMB_BYTES = 300_000;

    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    Mode private _mode;
    address private _subject;
    address private _callee;
    bytes private _callData;
    bytes[] public callResults;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    /// @notice Takes tokens away, as a token that changes balances by itself does.
    function burn(address from, uint256 value) external {
        balanceOf[from] -= value;
    }

    function behave(Mode mode, address subject) external {
        (_mode, _subject) = (mode, subject);
    }

    function callOut(address callee, bytes calldata data) external {
        (_callee, _callData) = (callee, data);
    }

    function callCount() external view returns (uint256) {
        return callResults.length;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _transfer(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(allowance[from][msg.sender] >= value, "allowance");
        allowance[from][msg.sender] -= value;
        return _transfer(from, to, value);
    }

    function _transfer(address from, address to, uint256 value) private returns (bool) {
        Mode mode = _subject == address(0) || _subject == from || _subject == to ? _mode : Mode.Plain;
        if (mode == Mode.Reverts) revert("refused");
        if (mode == Mode.RevertBomb) {
            assembly {
                revert(0, BOMB_BYTES)
            }
        }
        if (mode == Mode.BurnGas) while (true) {}
        if (mode == Mode.Calls || mode == Mode.CallsOrReverts) {
            (bool ok, bytes memory back) = _callee.call(_callData);
            if (!ok && mode == Mode.CallsOrReverts) {
                assembly {
                    revert(add(back, 32), mload(back))
                }
            }
            callResults.push(abi.encodePacked(ok, back));
        }
        if (mode == Mode.FalseUnmoved) return false;
        if (mode == Mode.TrueUnmoved) return true;
        _move(from, to, value, mode);
        if (mode == Mode.FalseMoved) return false;
        if (mode == Mode.NoReturn) {
            assembly {
                return(0, 0)
            }
        }
        if (mode == Mode.ReturnBomb || mode == Mode.Three || mode == Mode.ShortReturn) {
            (uint256 size, uint256 word) = mode == Mode.ReturnBomb ? (BOMB_BYTES, 1) : (32, 3);
            if (mode == Mode.ShortReturn) size = 31;
            assembly {
                mstore(0, word)
                return(0, size)
            }
        }
        return true;
    }

    function _move(address from, address to, uint256 value, Mode mode) private {
        uint256 tenth = value / 10;
        require(balanceOf[from] >= value, "balance");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        if (mode == Mode.RecipientFee) balanceOf[to] -= tenth;
        if (mode == Mode.SenderFee) balanceOf[from] -= tenth;
        if (mode == Mode.Gift) balanceOf[to] += tenth;
    }
}
