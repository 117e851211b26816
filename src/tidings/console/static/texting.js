// Sends a long list of opt-outs in pieces, so that it may be longer than one request. Without this script the form is sent whole.
"use strict";
(() => {
  const form = document.getElementById("import");
  const box = document.getElementById("sending");
  const bar = document.getElementById("sent");
  const refused = document.getElementById("sending-refused");
  const button = form.querySelector("button");
  const pieceBytes = Number(form.dataset.pieceBytes);

  async function post(address, body) {
    const answer = await fetch(address, { method: "POST", body });
    if (!answer.ok || (answer.redirected && answer.url.includes("/sign-in"))) {
      throw new Error(answer.status === 429 ? "Too much is being uploaded at this moment." : `The server answered ${answer.status}.`);
    }
    return answer;
  }

  async function send(list) {
    let upload = "";
    for (let at = 0; at < list.size; at += pieceBytes) {
      const body = new FormData();
      body.set("mark", form.elements.namedItem("mark").value);
      body.set("upload", upload);
      body.set("piece", list.slice(at, at + pieceBytes), "piece");
      upload = await (await post(form.dataset.pieces, body)).text();
      bar.value = Math.min(100, ((at + pieceBytes) * 100) / list.size);
    }
    const last = new FormData(form);
    last.delete("list");
    last.set("upload", upload);
    last.set("name", list.name);
    window.location.assign((await post(form.action, last)).url);
  }

  form.addEventListener("submit", async (event) => {
    const list = form.elements.namedItem("list").files[0];
    if (!list || list.size <= pieceBytes) return;
    event.preventDefault();
    button.disabled = true;
    box.hidden = false;
    refused.hidden = true;
    try {
      await send(list);
    } catch (error) {
      refused.textContent = `The upload broke off, and nothing was imported. ${error.message}`;
      refused.hidden = false;
      button.disabled = false;
    }
  });
})();
