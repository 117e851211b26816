// An SMSC made of npm's `smpp`. Orders come as JSON lines on stdin, what happens goes as JSON lines to stdout. `--quiet`: count only. `--tls CERTIFICATE KEY`.
'use strict';
const smpp = require('smpp');
const readline = require('readline');

const fs = require('fs');

const [certificate, key] = process.argv.slice(process.argv.indexOf('--tls') + 1 || Infinity);
const secure = certificate ? { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) } : {};
const quiet = process.argv.includes('--quiet');
// receipts: '' none, 'early' before the answer to what they are about, 'late' after it. ids: 'hex' answers in hexadecimal, reports in decimal.
const rules = {
  password: 'secret', statuses: [], bindStatuses: [], mute: false, hold: false, deaf: false, receipts: '', receiptText: 'stat:DELIVRD err:000',
  ids: '',
};
const sessions = [];
const joining = new Map();
const held = [];
let unanswered = 0;
let unansweredMax = 0;
let submitted = 0;
let server = null;
let port = 0;

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

function join(pdu, text, udh) {
  const concat = (udh || []).find((element) => element[0] === 0 || element[0] === 8);
  if (!concat) return say({ event: 'text', to: pdu.destination_addr, text, parts: 1 });
  const [total, number] = concat.subarray(-2);
  const key = `${pdu.destination_addr} ${concat.subarray(2, -2).toString('hex')} ${total}`;
  const parts = joining.get(key) || new Map();
  joining.set(key, parts.set(number, text));
  if (parts.size < total) return undefined;
  joining.delete(key);
  const whole = [...parts.keys()].sort((a, b) => a - b).map((one) => parts.get(one)).join('');
  return say({ event: 'text', to: pdu.destination_addr, text: whole, parts: total });
}

function submit(session, pdu) {
  submitted += 1;
  unanswered += 1;
  unansweredMax = Math.max(unansweredMax, unanswered);
  const number = submitted;
  const status = rules.statuses.length ? rules.statuses.shift() : 0;
  if (!quiet) {
    const { message, udh } = pdu.short_message;
    const hex = (udh || []).map((element) => element.toString('hex'));
    say({
      event: 'submit', number, status, bind: sessions.indexOf(session), from: pdu.source_addr, fromTon: pdu.source_addr_ton,
      fromNpi: pdu.source_addr_npi, to: pdu.destination_addr, toTon: pdu.dest_addr_ton, toNpi: pdu.dest_addr_npi,
      esm: pdu.esm_class, coding: pdu.data_coding, text: message, udh: hex, receipt: pdu.registered_delivery,
      octets: pdu.command_length,
    });
    if (status === 0) join(pdu, message, udh);
  }
  const [id, reported] = rules.ids === 'hex' ? [(number + 4095).toString(16), number + 4095] : [`m${number}`, `m${number}`];
  const receipt = () => session.deliver_sm({
    source_addr_ton: 1, source_addr_npi: 1, source_addr: pdu.destination_addr, dest_addr_ton: 1, dest_addr_npi: 1,
    destination_addr: pdu.source_addr, esm_class: 4, short_message: `id:${reported} ${rules.receiptText}`,
  }, (response) => say({ event: 'receipted', number, status: response.command_status }));
  const answer = () => {
    unanswered -= 1;
    if (rules.receipts === 'early' && status === 0) receipt();
    session.send(pdu.response(status ? { command_status: status } : { message_id: id }));
    if (rules.receipts === 'late' && status === 0) receipt();
  };
  if (rules.mute) return;
  if (rules.hold) held.push(answer);
  else answer();
}

function serve(session) {
  sessions.push(session);
  const bind = sessions.length - 1;
  session.on('error', (error) => say({ event: 'error', bind, message: String(error.message || error) }));
  session.on('close', () => say({ event: 'closed', bind }));
  session.on('pdu', (pdu) => {
    if (rules.deaf) return;
    if (pdu.command.startsWith('bind_') && !pdu.isResponse()) {
      const planned = rules.bindStatuses.shift();
      const status = planned !== undefined ? planned : pdu.password === rules.password ? 0 : smpp.ESME_RINVPASWD;
      say({
        event: 'bind', bind, status, kind: pdu.command, systemId: pdu.system_id, systemType: pdu.system_type,
        version: pdu.interface_version,
      });
      session.send(pdu.response(status ? { command_status: status } : { system_id: 'smsc' }));
    } else if (pdu.command === 'submit_sm') submit(session, pdu);
    else if (pdu.command === 'enquire_link') {
      say({ event: 'enquire', bind });
      session.send(pdu.response());
    } else if (pdu.command === 'unbind') {
      say({ event: 'unbind', bind });
      session.send(pdu.response());
      session.close();
    } else say({ event: 'other', bind, command: pdu.command, status: pdu.command_status, sequence: pdu.sequence_number });
  });
}

function listen() {
  server = smpp.createServer(secure, serve);
  server.listen(port, '127.0.0.1', () => {
    port = server.address().port;
    say({ event: 'listening', port });
  });
}

function revive(value) {
  if (value && value.hex !== undefined) return Buffer.from(value.hex, 'hex');
  if (value && value.udh) return { udh: Buffer.from(value.udh, 'hex'), message: revive(value.message) };
  return value;
}

const orders = {
  set: ({ name, value }) => { rules[name] = value; },
  deliver: ({ id, bind, fields }) => {
    const pdu = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, revive(value)]));
    sessions[bind].deliver_sm(pdu, (answer) => say({ event: 'answer', id, status: answer.command_status }));
  },
  enquire: ({ id, bind }) => sessions[bind].enquire_link((answer) => say({ event: 'answer', id, status: answer.command_status })),
  unbind: ({ id, bind }) => sessions[bind].unbind((answer) => {
    say({ event: 'answer', id, status: answer.command_status });
    sessions[bind].close();
  }),
  raw: ({ bind, hex }) => sessions[bind].socket.write(Buffer.from(hex, 'hex')),
  drop: ({ bind }) => sessions[bind].destroy(),
  release: () => held.splice(0).forEach((answer) => answer()),
  stop: () => {
    server.close(() => say({ event: 'stopped' }));
    sessions.forEach((session) => session.destroy());
  },
  listen,
  count: ({ id }) => say({ event: 'answer', id, submitted, unansweredMax }),
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  orders[order.do](order);
}).on('close', () => process.exit(0));
listen();
