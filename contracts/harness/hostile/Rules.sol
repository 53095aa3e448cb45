// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fill, IClearingRule, IKernel, Order} from "pactsmith/IKernel.sol";

/// @notice One call of a script; `target` 0 is the kernel.
struct Step {
    address target;
    bytes data;
    bool mustSucceed;
}

/// @title A rule that does and answers whatever a test tells it
/// @notice In `clear` it makes the calls of its script, keeps what each gave, and answers raw bytes. When anybody calls
///         `hook` (a hostile token in the middle of a transfer), it makes the calls of a second script.
/// @dev Breaks every rule of admission on purpose: the kernel must be safe without it.
contract ScriptedRule {
    Step[] private _script;
    Step[] private _hookScript;
    bytes private _answer;

    bytes[] public results;
    bytes[] public hookResults;
    address private _kernel;

    function setScript(Step[] calldata steps, bytes calldata answer) external {
        delete _script;
        for (uint256 i; i < steps.length; ++i) {
            _script.push(steps[i]);
        }
        _answer = answer;
    }

    function setHookScript(Step[] calldata steps) external {
        delete _hookScript;
        for (uint256 i; i < steps.length; ++i) {
            _hookScript.push(steps[i]);
        }
    }

    function resultCount() external view returns (uint256, uint256) {
        return (results.length, hookResults.length);
    }

    /// @dev IClearingRule.clear, with an answer that need not be what it promises.
    function clear(Order[] calldata) external {
        _kernel = msg.sender;
        _run(_script, results);
        bytes memory answer = _answer;
        assembly {
            return(add(answer, 32), mload(answer))
        }
    }

    function hook() external {
        _run(_hookScript, hookResults);
    }

    /// @notice A step of a script that fails unless an earlier call of the hook ended as it should have.
    function requireHookResult(uint256 index, bool ok, bytes4 head) external view {
        bytes memory result = hookResults[index];
        require((result[0] != 0) == ok, "outcome");
        bytes4 found;
        assembly {
            found := mload(add(result, 33))
        }
        require(found == head, "head");
    }

    /// @dev What came back of each call, with a first byte that says whether it succeeded.
    function _run(Step[] storage steps, bytes[] storage out) private {
        for (uint256 i; i < steps.length; ++i) {
            address target = steps[i].target == address(0) ? _kernel : steps[i].target;
            (bool ok, bytes memory back) = target.call(steps[i].data);
            if (!ok && steps[i].mustSucceed) {
                assembly {
                    revert(add(back, 32), mload(back))
                }
            }
            out.push(abi.encodePacked(ok, back));
        }
    }
}

/// @title Loops for ever
contract EndlessRule is IClearingRule {
    function clear(Order[] calldata) external pure returns (Fill[] memory) {
        uint256 i;
        while (true) {
            unchecked {
                ++i;
            }
        }
    }
}

/// @title Answers, or reverts with, as many bytes as it is told
/// @notice The first words look right: the offset and the number of fills.
contract BombRule {
    uint256 private immutable _size;
    bool private immutable _reverts;

    constructor(uint256 size, bool reverts) {
        (_size, _reverts) = (size, reverts);
    }

    function clear(Order[] calldata orders) external view {
        (uint256 size, bool reverts, uint256 count) = (_size, _reverts, orders.length);
        assembly {
            mstore(0, 32)
            mstore(32, count)
            if reverts { revert(0, size) }
            return(0, size)
        }
    }
}

/// @title Tells back what it was given
/// @notice Fills nothing; the event carries the orders as the rule saw them.
contract EchoRule is IClearingRule {
    event Seen(Order[] orders);

    function clear(Order[] calldata orders) external returns (Fill[] memory) {
        emit Seen(orders);
        return new Fill[](orders.length);
    }
}

/// @title Quotes, trades the same, and keeps both answers
/// @notice Sells every order on one venue in turn and hands on what came back; an order that the venue refuses stays.
contract MirrorRule is IClearingRule {
    event Mirrored(bool quoted, bool traded, uint256[3] quote, uint256[3] trade);

    uint256 private immutable _venue;

    constructor(uint256 venue) {
        _venue = venue;
    }

    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        IKernel kernel = IKernel(msg.sender);
        fills = new Fill[](orders.length);
        for (uint256 i; i < orders.length; ++i) {
            uint256[3] memory quoted;
            uint256[3] memory traded;
            bool quotedOk;
            bool tradedOk;
            try kernel.quote(_venue, orders[i].sellToken, orders[i].sellAmount) returns (
                uint256 spent, uint256 received, uint160 price
            ) {
                (quotedOk, quoted) = (true, [spent, received, price]);
            } catch {}
            try kernel.trade(_venue, orders[i].sellToken, orders[i].sellAmount, orders[i].minBuyAmount) returns (
                uint256 spent, uint256 received, uint160 price
            ) {
                (tradedOk, traded) = (true, [spent, received, price]);
                fills[i] = Fill(spent, received);
            } catch {}
            emit Mirrored(quotedOk, tradedOk, quoted, traded);
        }
    }
}
