"use strict";
// A warm Solidity compiler: one JSON line in, one JSON line out.
//
//   node solc_service.cjs <folder of the npm package solc> <most bytes in a request>
//
// First line out: {"ready": <solc's version>} or {"fatal": why}. Then for each request {"id", "input": <standard JSON
// as text>} one reply {"id", "output": <text>} or {"id", "crashed": why}; after a crash the process ends, because the
// compiler's memory can no longer be trusted. The compiler runs in a thread of its own, so that the end of standard
// input (our parent is gone) ends this process even in the middle of a compile.

const { isMainThread, parentPort, Worker, workerData } = require("node:worker_threads");

function compileThread() {
  let solc;
  try {
    solc = require(workerData.packageFolder);
  } catch (error) {
    parentPort.postMessage({ fatal: String(error) });
    return;
  }
  // Only what the request itself holds can be imported: no file is ever opened for a source.
  const callbacks = {
    import: () => ({ error: "not found" }),
    smtSolver: () => ({ error: "no solver" }),
  };
  parentPort.on("message", ({ id, input }) => {
    try {
      parentPort.postMessage({ id, output: solc.compile(input, callbacks) });
    } catch (error) {
      parentPort.postMessage({ id, crashed: String(error) });
    }
  });
  parentPort.postMessage({ ready: solc.version() });
}

function main() {
  const [packageFolder, maxRequestBytesText] = process.argv.slice(2);
  const maxRequestBytes = Number(maxRequestBytesText);
  const worker = new Worker(__filename, { workerData: { packageFolder }, resourceLimits: { stackSizeMb: 16 } });

  const last = (message) => process.stdout.write(JSON.stringify(message) + "\n", () => process.exit(1));
  worker.on("error", (error) => last({ crashed: String(error) }));
  worker.on("message", (message) => {
    if ("fatal" in message || "crashed" in message) last(message);
    else process.stdout.write(JSON.stringify(message) + "\n");
  });

  let pieces = [];
  let size = 0;
  process.stdin.on("data", (piece) => {
    let rest = piece;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      pieces.push(rest.subarray(0, end));
      const line = Buffer.concat(pieces).toString("utf8");
      pieces = [];
      size = 0;
      rest = rest.subarray(end + 1);
      worker.postMessage(JSON.parse(line));
    }
    pieces.push(rest);
    size += rest.length;
    if (size > maxRequestBytes) last({ crashed: "request too large" });
  });
  process.stdin.on("end", () => process.exit(0));
}

if (isMainThread) main();
else compileThread();
