"""What test_isolate lets workers do; a module of its own, because workers import it by name."""

import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

import pyrevm

LOOP = bytes.fromhex("5b5f56")  # JUMPDEST PUSH0 JUMP
HUGE_MEMORY = bytes.fromhex("5f640100000000" + "5200")  # store a word at 2**32: the EVM allocates 4 GiB
ADD = bytes.fromhex("600260030160005260206000f3")  # return 2 + 3

SETUPS = []


def act(what):
    name, *arguments = what
    return globals()[name](*arguments)


def square(number):
    return number * number


def evm(code):
    machine = pyrevm.EVM(spec_id="CANCUN", gas_limit=2**64 - 1)
    address = "0x" + "11" * 20
    machine.insert_account_info(address, pyrevm.AccountInfo(code=code))
    return machine.message_call(caller="0x" + "22" * 20, to=address, gas=2**63)


def evm_after_mark(path, code):
    Path(path).write_text(str(os.getpid()))
    return evm(code)


def bytes_of(size):
    return len(bytearray(size))


def end(code):
    os._exit(code)


def vanish(_):
    os._exit(1)


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def fail(text):
    raise ValueError(text)


def panic():
    raise BaseException("not an Exception")  # as the EVM's panics are


def unpicklable():
    return lambda: None


def process_id():
    return os.getpid()


def append(path, text):
    with Path(path).open("a") as file:
        file.write(text)
    return text


def nap(seconds):
    time.sleep(seconds)
    return seconds


def burn(seconds):
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    return seconds


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return "connected"


def limits():
    return {
        name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in ("AS", "CORE", "FSIZE", "NOFILE")
    }


def write(path, size):
    return Path(path).write_bytes(bytes(size))


def set_up(text):
    SETUPS.append(text)


def setups():
    return list(SETUPS)


def set_up_wrongly():
    raise RuntimeError("no such world")


def interrupt_parent_then_loop(parent, path):
    Path(path).write_text(str(os.getpid()))
    os.kill(parent, signal.SIGINT)
    return evm(LOOP)


def main(path):
    """A parent process that gives its one worker an endless call, and waits."""
    from verify.isolate import Limits, Pool

    with Pool(1, Limits(wall_seconds=300, memory_bytes=2 * 1024**3, cpu_seconds=300)) as pool:
        list(pool.map(act, [("evm_after_mark", path, LOOP)]))


if __name__ == "__main__":
    main(sys.argv[1])
