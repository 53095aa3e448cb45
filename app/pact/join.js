"use strict";
(() => {
  const pact = JSON.parse(document.getElementById("pact").textContent);
  const $ = (id) => document.getElementById(id);
  const wallet = window.ethereum;
  const guests = Object.keys(pact.invited);
  let contract = null;
  let me = null;

  // ------------------------------------------------------------------ words

  const same = (a, b) => a !== null && b !== null && a.toLowerCase() === b.toLowerCase();
  const nameOf = (address) => pact.invited[guests.find((guest) => same(guest, address))]
    || (same(address, pact.host) ? pact.hostName : address);

  function amount(units) {
    const text = units.toString().padStart(pact.decimals + 1, "0");
    const whole = text.slice(0, text.length - pact.decimals);
    const part = text.slice(text.length - pact.decimals).replace(/0+$/, "");
    return `${whole}${part ? "." + part : ""} ${pact.symbol}`;
  }

  function say(text, bad) {
    $("said").textContent = text;
    $("said").className = bad ? "bad" : "";
  }

  /** What a call that failed says: the contract's own error in words, else the wallet's. */
  function why(error) {
    const parts = [error && error.data, error && error.data && error.data.data, error && error.message].map(String);
    for (const part of parts) {
      const found = part.match(/0x[0-9a-fA-F]{8}/);
      if (found && pact.errors[found[0].toLowerCase()]) return pact.errors[found[0].toLowerCase()];
    }
    return (error && error.message) || "the wallet refused";
  }

  class Stop extends Error {}

  // ------------------------------------------------------------------ the chain

  const ask = (method, params = []) => wallet.request({ method, params });
  const word = (value) => BigInt(value).toString(16).padStart(64, "0");
  const data = (name, ...words) => pact.selectors[name] + words.join("");
  const read = (to, name, ...words) => ask("eth_call", [{ to, from: me, data: data(name, ...words) }, "latest"]);
  const number = async (to, name, ...words) => BigInt(await read(to, name, ...words));

  async function participants() {
    const words = (await read(contract, "participants")).slice(2).match(/.{64}/g) || [];
    return words.slice(2).map((each) => "0x" + each.slice(24));
  }

  async function send(call) {
    const request = { from: me, ...call };
    await ask("eth_call", [request, "latest"]); // tells why it would fail before anything is paid
    const hash = await ask("eth_sendTransaction", [request]);
    for (let waited = 0; waited < 600; waited += 1) {
      const receipt = await ask("eth_getTransactionReceipt", [hash]);
      if (receipt) {
        if (receipt.status !== "0x1") throw new Stop("the transaction failed");
        return;
      }
      await new Promise((done) => setTimeout(done, 500));
    }
    throw new Stop("the chain has not taken the transaction yet: look at your wallet");
  }

  // ------------------------------------------------------------------ is it this pact?

  async function check() {
    if (pact.standIns) throw new Stop("some addresses of this pact are not filled in yet: ask the host for the final page");
    if (!/^0x[0-9a-fA-F]{40}$/.test(contract)) throw new Stop("this is no address: 0x and 40 hex digits");
    const chain = Number(await ask("eth_chainId"));
    if (pact.chainId !== null && chain !== pact.chainId) {
      throw new Stop(`your wallet is on chain ${chain}; this pact is for chain ${pact.chainId}`);
    }
    const code = await ask("eth_getCode", [contract, "latest"]);
    if (code === "0x") throw new Stop("there is no contract at this address");
    if (!same(code, pact.code)) throw new Stop("another contract is at this address: do not pay into it");
    if (!same(await read(contract, "terms"), pact.terms)) {
      throw new Stop("the contract there has other terms than this page: do not pay into it");
    }
    for (const guest of pact.readsInvited ? guests : []) {
      if ((await number(contract, "invited", word(guest))) !== 1n) {
        throw new Stop(`the contract there does not invite ${nameOf(guest)}: do not pay into it`);
      }
    }
    if (pact.token !== null && (await number(pact.token, "decimals")) !== BigInt(pact.decimals)) {
      throw new Stop("the token has other decimal places than this page says: do not pay into it");
    }
  }

  // ------------------------------------------------------------------ what can be done now

  async function show() {
    const block = await ask("eth_getBlockByNumber", ["latest", false]);
    const now = Number(block.timestamp);
    const joined = await participants();
    const owed = await number(contract, "owed", word(me));
    const isIn = joined.some((each) => same(each, me));
    const next = pact.moments.find(([ts]) => ts > now);
    const lines = [
      `You are ${nameOf(me)}.`,
      joined.length ? `Joined so far: ${joined.map(nameOf).join(", ")}.` : "Nobody has joined yet.",
      next ? `Next: ${next[1]}.` : "Everybody can take the own part.",
    ];
    if (owed > 0n) lines.push(`You can take ${amount(owed)} now.`);
    $("state").replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
    const { joinUntil, starts, attestUntil, paysFrom } = pact.phases;
    const mayAttest = pact.hostAttests ? same(me, pact.host) : isIn;
    const actions = [];
    if (!isIn && guests.some((guest) => same(guest, me)) && now < joinUntil) {
      actions.push(button("join", `Join and pay in ${amount(BigInt(pact.deposit))}`, join));
    }
    if (same(me, pact.host) && now < starts) actions.push(button("cancel", "Cancel it", () => act("cancel")));
    if (mayAttest && now >= starts && now < attestUntil && joined.length) actions.push(absences(joined));
    if (isIn && now >= attestUntil && now < paysFrom) {
      actions.push(button("contest", "I was there: contest my absence", () => act("contest")));
    }
    if (owed > 0n) actions.push(button("claim", `Take ${amount(owed)}`, () => act("claim")), elsewhere());
    for (const common of now >= paysFrom ? pact.commons : []) {
      const due = await number(contract, "owed", word(common));
      if (due > 0n) {
        const label = `Pay ${amount(due)} to ${common}`;
        actions.push(button("claim-for", label, () => act("claimFor", word(common))));
      }
    }
    $("actions").replaceChildren(...actions);
    $("state").hidden = $("actions").hidden = false;
  }

  function button(id, label, run) {
    const made = Object.assign(document.createElement("button"), { id, type: "button", textContent: label });
    made.addEventListener("click", () => guarded(run));
    return made;
  }

  function absences(joined) {
    const set = document.createElement("fieldset");
    set.append(Object.assign(document.createElement("legend"), { textContent: "Who stayed away?" }));
    const boxes = joined.filter((each) => !same(each, me)).map((each) => {
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: each });
      const label = document.createElement("label");
      label.append(box, ` ${nameOf(each)}`);
      set.append(label);
      return box;
    });
    set.append(button("attest", "Say so", () => {
      const absent = boxes.filter((box) => box.checked).map((box) => word(box.value));
      if (!absent.length) throw new Stop("nobody is ticked: if all came, nothing has to be said");
      return act("attest", word(32), word(absent.length), ...absent);
    }));
    return set;
  }

  function elsewhere() {
    const line = document.createElement("p");
    const field = Object.assign(document.createElement("input"), { type: "text", id: "elsewhere", placeholder: "0x…" });
    field.setAttribute("aria-label", "Another address");
    line.append(field, button("claim-to", "Take it to this address instead", () => {
      if (!/^0x[0-9a-fA-F]{40}$/.test(field.value)) throw new Stop("this is no address: 0x and 40 hex digits");
      return act("claimTo", word(field.value));
    }));
    return line;
  }

  async function join() {
    if (pact.token === null) {
      await send({ to: contract, data: data("join"), value: "0x" + BigInt(pact.deposit).toString(16) });
      return;
    }
    if ((await number(pact.token, "balanceOf", word(me))) < BigInt(pact.deposit)) {
      throw new Stop(`you have less than ${amount(BigInt(pact.deposit))}`);
    }
    if ((await number(pact.token, "allowance", word(me), word(contract))) < BigInt(pact.deposit)) {
      say("First allow the contract to take the deposit, then join: two confirmations.");
      await send({ to: pact.token, data: data("approve", word(contract), word(pact.deposit)) });
    }
    await send({ to: contract, data: data("join") });
  }

  const act = (name, ...words) => send({ to: contract, data: data(name, ...words) });

  // ------------------------------------------------------------------ the page

  async function guarded(run) {
    const buttons = [...document.querySelectorAll("button")];
    buttons.forEach((each) => { each.disabled = true; });
    try {
      say("Confirm in your wallet.");
      await run();
      await check();
      await show();
      say("Done.");
    } catch (error) {
      say(`Not done: ${error instanceof Stop ? error.message : why(error)}.`, true);
    } finally {
      document.querySelectorAll("button").forEach((each) => { each.disabled = false; });
    }
  }

  async function connect(event) {
    event.preventDefault();
    $("state").hidden = $("actions").hidden = true;
    contract = $("contract").value.trim();
    try {
      [me] = await ask("eth_requestAccounts");
      await check();
      await show();
      say("This is the contract of this page: its code and its terms are the same.");
    } catch (error) {
      say(`Stopped: ${error instanceof Stop ? error.message : why(error)}.`, true);
    }
  }

  if (!wallet) {
    say("This browser has no wallet: you can read everything here, and act from one that has.");
    return;
  }
  $("contract").value = /^#0x[0-9a-fA-F]{40}$/.test(location.hash) ? location.hash.slice(1) : "";
  $("connect").hidden = false;
  $("connect").addEventListener("submit", connect);
})();
