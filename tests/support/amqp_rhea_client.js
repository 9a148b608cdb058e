// A back end's consumer with rhea: prints what comes, a JSON line each.
//
//     node amqp_rhea_client.js ADDRESS GROUP KEY SECRET accept|hold [CA_FILE]
//
// `hold` leaves everything unsettled. An error of the connection is printed as {"error": condition}, and ends it.
const crypto = require('crypto');
const fs = require('fs');
const rhea = require('rhea');

const [address, group, key, secret, settling, caFile] = process.argv.slice(2);
const {hostname, port} = new URL(address);
const say = (fields) => console.log(JSON.stringify(fields));

const timestamp = Date.now();
const connection = rhea.connect({
  host: hostname, port: Number(port), reconnect: false, idle_time_out: 60000,
  ...(caFile ? {transport: 'tls', ca: [fs.readFileSync(caFile)]} : {transport: 'tcp'}),
  username: `rhea|authMode=aksign,signMethod=hmacsha1,timestamp=${timestamp},authId=${key},iotInstanceId=,consumerGroupId=${group}|`,
  password: crypto.createHmac('sha1', secret).update(`authId=${key}&timestamp=${timestamp}`).digest('base64'),
});
connection.open_receiver({credit_window: 50, autoaccept: settling === 'accept', autosettle: settling === 'accept'});
rhea.on('receiver_open', () => say({ready: true}));
rhea.on('message', ({message}) => say({
  topic: message.application_properties.topic, body: message.body.content.toString(), id: message.message_id,
  tries: message.delivery_count || 0,
}));
rhea.on('connection_error', ({connection}) => say({error: connection.get_error().condition}));
rhea.on('error', (error) => say({error: error.condition || String(error)}));
