// A back end with rhea, as the vendor's sample has it: node amqp_rhea.js MODULES PORT USER PASSWORD
//
// Prints what amqp_proton.py does.
"use strict";
const path = require("path");
const [modules, port, username, password] = process.argv.slice(2);
const container = require(path.join(modules, "rhea"));

const say = (said) => console.log(JSON.stringify(said));
const connection = container.connect({
  host: "127.0.0.1", port: Number(port), transport: "tcp", username, password,
  idle_time_out: 60000, initial_reconnect_delay: 100, max_reconnect_delay: 100,
});
connection.open_receiver();
container.on("receiver_open", () => say({ open: true }));
container.on("message", (context) => {
  const { message } = context;
  const properties = message.application_properties;
  say({
    topic: properties.topic,
    id: message.message_id,
    same: properties.messageId === message.message_id,
    qos: properties.qos,
    time_ms: Number(properties.generateTime),
    body: Buffer.from(message.body.content).toString(),
    tries: message.delivery_count || 0,
  });
  context.delivery.accept();
});
container.on("connection_error", (context) => {
  say({ refused: String(context.connection.get_error() || context.error) });
  process.exit(0);
});
