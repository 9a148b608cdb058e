// Keep a garage below its connection's power: hear the cars over AMQP, pause and resume them by cloud calls.
//
//     npm install
//     node charging.mjs --secret PASSWORD --cap-kw 30
//
// The same as ../python/charging.py: `Garage` decides, the rest is the usual consumer and one signed call.
import crypto from 'node:crypto';
import {parseArgs} from 'node:util';
import rhea from 'rhea';

const text = value => ({type: 'string', default: value});
const {values: options} = parseArgs({options: {
  amqp: text('amqp://127.0.0.1:5672'), http: text('http://127.0.0.1:8080'), key: text('app'), secret: {type: 'string'},
  group: text('DEFAULT_GROUP'), product: text('a1JinqiaoEV'), 'client-id': text('charging-operations'), 'cap-kw': text('30'),
  'patience-s': text('30'),
}});
const LOWEST = 20, HIGHEST = 100;

/** Pauses the fullest car when all together take more than the cap, resumes the emptiest when there is room. */
class Garage {
  constructor(capKw, patienceS) {
    this.capKw = capKw;
    this.patienceMs = patienceS * 1000;
    this.cars = new Map();
  }

  /** A car's post. Returns charge limits to set: [name, limit]. */
  reported(name, powerKw, soc, nowMs) {
    if (!this.cars.has(name)) this.cars.set(name, {name, powerKw: 0, soc: 0, pausedAtKw: null, expectedKw: null, orderedMs: 0});
    const car = this.cars.get(name);
    car.soc = soc ?? car.soc;
    if (powerKw !== undefined) {
      car.powerKw = powerKw;
      const followed = car.expectedKw !== null && Math.abs(powerKw - car.expectedKw) < 0.5 + 0.2 * car.expectedKw;
      if (followed || nowMs - car.orderedMs > this.patienceMs) car.expectedKw = null;
    }
    return this.decide(nowMs);
  }

  decide(nowMs) {
    const load = car => car.expectedKw ?? car.powerKw;
    const orders = [], cars = [...this.cars.values()];
    let total = cars.reduce((sum, car) => sum + load(car), 0);
    const charging = cars.filter(car => car.pausedAtKw === null && load(car) > 0).sort((a, b) => a.soc - b.soc);
    while (total > this.capKw && charging.length) {
      const car = charging.pop();
      total -= load(car);
      Object.assign(car, {pausedAtKw: load(car), expectedKw: 0, orderedMs: nowMs});
      orders.push([car.name, LOWEST]);
    }
    if (orders.length) return orders;
    for (const car of cars.filter(car => car.pausedAtKw !== null).sort((a, b) => a.soc - b.soc)) {
      if (nowMs - car.orderedMs > this.patienceMs && total + car.pausedAtKw <= this.capKw) {
        total += car.pausedAtKw;
        Object.assign(car, {expectedKw: car.pausedAtKw, pausedAtKw: null, orderedMs: nowMs});
        orders.push([car.name, HIGHEST]);
      }
    }
    return orders;
  }
}

const escaped = value => encodeURIComponent(value).replace(/[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase());

/** A cloud call with the signature of RPC v1 (HMAC-SHA1). */
async function call(action, parameters) {
  const fields = {
    Action: action, Format: 'JSON', Version: '2018-01-20', AccessKeyId: options.key, SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0', SignatureNonce: crypto.randomUUID(), Timestamp: new Date().toISOString().replace(/\.\d+/, ''),
    ...parameters,
  };
  const query = Object.keys(fields).sort().map(name => `${escaped(name)}=${escaped(fields[name])}`).join('&');
  const mac = crypto.createHmac('sha1', `${options.secret}&`).update(`POST&%2F&${escaped(query)}`).digest('base64');
  const answer = await fetch(`${options.http}/?${query}&Signature=${escaped(mac)}`, {method: 'POST'});
  return answer.json();
}

async function carryOut([name, limit]) {
  const items = JSON.stringify({'charging:ChargeLimit': limit});
  const answer = await call('SetDeviceProperty', {ProductKey: options.product, DeviceName: name, Items: items});
  const what = limit === LOWEST ? 'paused' : 'resumed';
  console.log(JSON.stringify(answer.Success ? {[what]: name} : {failed: name, code: answer.Code}));
}

const garage = new Garage(Number(options['cap-kw']), Number(options['patience-s']));
const container = rhea.create_container();

container.on('message', ({message}) => {
  if (!message.application_properties.topic.endsWith('/thing/event/property/post')) return;
  const body = JSON.parse(message.body.content.toString());
  const value = name => body.items[name]?.value;
  for (const order of garage.reported(body.deviceName, value('charging:ChargePower'), value('StateOfCharge'), Date.now())) {
    carryOut(order).catch(error => console.error(String(error)));
  }
});
container.on('disconnected', ({error}) => { if (error) console.error(`disconnected: ${error.message}`); });

const timestamp = String(Date.now());
const content = `authId=${options.key}&timestamp=${timestamp}`;
const {hostname, port, protocol} = new URL(options.amqp);
const connection = container.connect({
  host: hostname, port: Number(port), transport: protocol === 'amqps:' ? 'tls' : 'tcp', idle_time_out: 60000,
  username: `${options['client-id']}|authMode=aksign,signMethod=hmacsha1,timestamp=${timestamp},authId=${options.key},`
    + `iotInstanceId=,consumerGroupId=${options.group}|`,
  password: crypto.createHmac('sha1', options.secret).update(content).digest('base64'),
});
connection.open_receiver();
