// A consumer with rhea, written as its users do: a receiver that accepts each message by itself.
//
//     node amqp_rhea.js FOLDER PORT GROUP KEY SECRET
//
// FOLDER has rhea in its node_modules. Prints and ends as amqp_reader does.
"use strict";
const path = require("path");
const crypto = require("crypto");
const [folder, port, group, key, secret] = process.argv.slice(2);
const rhea = require(path.join(folder, "node_modules", "rhea"));

const now = Date.now();
const username =
  `rhea|authMode=aksign,signMethod=hmacsha1,timestamp=${now},authId=${key},iotInstanceId=,consumerGroupId=${group}|`;
const password = crypto.createHmac("sha1", secret).update(`authId=${key}&timestamp=${now}`).digest("base64");

let received = 0, bytes = 0, first = 0, last = 0, ended = false, quiet = null;
const container = rhea.create_container();
let before = process.cpuUsage();
container.on("receiver_open", () => {
  before = process.cpuUsage();
  console.log(JSON.stringify({ ready: true }));
});
container.on("message", (context) => {
  received += 1;
  bytes += context.message.body.content.length;
  last = performance.now();
  first = first || last;
  if (ended) wait();
});
container.on("disconnected", (context) => { console.error(String(context.error)); process.exit(1); });
container.on("connection_error", (context) => { console.error(String(context.error)); process.exit(1); });
const connection = container.connect({
  host: "127.0.0.1", port: Number(port), username, password, idle_time_out: 60000, reconnect: false,
});
connection.open_receiver({ credit_window: 1000 });

process.stdin.resume();
process.stdin.on("end", () => { ended = true; wait(); });

function wait() {
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    const usage = process.cpuUsage(before);
    console.log(JSON.stringify({
      received, bytes, cpu_s: (usage.user + usage.system) / 1e6, receiving_s: (last - first) / 1000,
    }));
    process.exit(0);
  }, 1500);
}
