// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Tokens as they come: each differs from a plain one in just what its name says
contract Plain {
    uint8 public immutable decimals;
    uint256 public totalSupply;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => uint256) internal held;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function mint(address to, uint256 amount) external virtual {
        totalSupply += amount;
        held[to] += amount;
    }

    function balanceOf(address owner) public view virtual returns (uint256) {
        return held[owner];
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external virtual returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        held[from] -= amount;
        held[to] += amount;
    }
}

contract Silent is Plain {
    constructor() Plain(6) {}

    function transfer(address to, uint256 amount) external override returns (bool) {
        _move(msg.sender, to, amount);
        assembly {
            return(0, 0)
        }
    }

    function transferFrom(address from, address to, uint256 amount) external override returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        assembly {
            return(0, 0)
        }
    }
}

contract SaysFalse is Plain {
    constructor() Plain(18) {}

    function transfer(address to, uint256 amount) external override returns (bool) {
        _move(msg.sender, to, amount);
        return false;
    }
}

contract Taxed is Plain {
    constructor() Plain(18) {}

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount - amount / 200);
        held[from] -= amount / 200;
    }
}

/// @notice Only amounts from a thousand on are taxed.
contract TaxesMuch is Plain {
    constructor() Plain(0) {}

    function _move(address from, address to, uint256 amount) internal override {
        uint256 tax = amount >= 100000 ? amount / 100 : 0;
        super._move(from, to, amount - tax);
        held[from] -= tax;
    }
}

contract TakesMore is Plain {
    constructor() Plain(18) {}

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        held[from] -= 1;
    }
}

contract Shares is Plain {
    uint256 public pooled = 3e24;

    constructor() Plain(18) {}

    function rebase(uint256 pooled_) external {
        pooled = pooled_;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return totalSupply == 0 ? 0 : held[owner] * pooled / totalSupply;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount * totalSupply / pooled);
    }
}

contract Growing is Plain {
    uint256 private immutable start = block.timestamp;

    constructor() Plain(18) {}

    function balanceOf(address owner) public view override returns (uint256) {
        return held[owner] + held[owner] / 1e9 * (block.timestamp - start);
    }
}

contract Blocking is Plain {
    mapping(address => bool) public blocked;
    bool public paused;

    error Paused();

    constructor() Plain(6) {}

    function setBlocked(address who, bool yes) external {
        blocked[who] = yes;
    }

    function setPaused(bool yes) external {
        paused = yes;
    }

    function _move(address from, address to, uint256 amount) internal override {
        if (paused) revert Paused();
        require(!blocked[from] && !blocked[to], "blocked");
        super._move(from, to, amount);
    }
}

contract Limited is Plain {
    constructor() Plain(18) {}

    function _move(address from, address to, uint256 amount) internal override {
        require(amount <= totalSupply / 100, "too much at once");
        super._move(from, to, amount);
    }
}

contract Reflecting is Plain {
    address[] private holders;

    constructor() Plain(18) {}

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        holders.push(to);
        held[holders[0]] += 1;
    }
}

/// @notice Balance and a flag in one word, behind a proxy: as USDC keeps them.
contract Packed is Plain {
    constructor() Plain(6) {}

    function mint(address to, uint256 amount) external override {
        held[to] += amount;
        if (to.code.length > 0) held[to] |= 1 << 255;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return held[owner] & ~uint256(1 << 255);
    }
}

/// @notice Balances of 96 bits, as UNI keeps them.
contract Narrow {
    uint8 public constant decimals = 18;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => uint96) public balanceOf;

    function mint(address to, uint96 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= uint96(amount);
        balanceOf[to] += uint96(amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= uint96(amount);
        balanceOf[to] += uint96(amount);
        return true;
    }
}

contract Proxy {
    constructor(address code) {
        assembly {
            sstore(0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3, code)
        }
    }

    fallback() external payable {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let code := sload(0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3)
            let ok := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch ok
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}

/// @title What finding the touched state has to cope with
contract Traps {
    uint256 private gate = 7;
    uint256 private behind = 11;
    uint256 private next = 100;
    mapping(uint256 => uint256) private chain;
    address public child;

    constructor() {
        for (uint256 i = 100; i < 120; i++) chain[i] = i + 1;
    }

    /// @notice The frame that reads `behind` reverts: nothing of it is in a journal.
    function inReverted() external returns (uint256) {
        try this.revertWith() {
            return 0;
        } catch (bytes memory said) {
            return abi.decode(said, (uint256));
        }
    }

    function revertWith() external view {
        require(gate == 7, "gate");
        uint256 value = behind;
        assembly {
            mstore(0, value)
            revert(0, 32)
        }
    }

    function clear() external {
        behind = 0;
    }

    /// @notice Each value tells where the next one is.
    function follow() external view returns (uint256 at) {
        at = next;
        while (chain[at] != 0) at = chain[at];
    }

    function blockHash() external view returns (bytes32) {
        return blockhash(block.number - 1);
    }

    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function environment() external view returns (uint256, uint256, address, uint256, uint256) {
        return (block.number, block.timestamp, block.coinbase, block.prevrandao, block.chainid);
    }

    function spin() external view {
        while (gasleft() > 0) {
            assembly {
                pop(keccak256(0, 4096))
            }
        }
    }

    /// @notice A contract at an address that depends on nothing but this one's own; fails where it stands.
    function make() external returns (bool) {
        bytes memory code = type(Made).creationCode;
        address made;
        assembly {
            made := create2(0, add(code, 32), mload(code), 0)
        }
        if (made != address(0)) child = made;
        return made != address(0);
    }

    function poke() external returns (uint256) {
        return Made(child).poke();
    }

    receive() external payable {}

    function pay(address payable to, uint256 amount) external {
        (bool ok,) = to.call{value: amount}("");
        require(ok, "pay");
    }

    function balances(address other) external view returns (uint256, uint256) {
        return (address(this).balance, other.balance);
    }
}

contract Made {
    uint256 private count = 40;

    function poke() external returns (uint256) {
        return ++count;
    }
}
