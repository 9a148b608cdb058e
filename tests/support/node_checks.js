/* The vendor's two Node device SDKs against a running sandbox.
 *
 *   node node_checks.js NODE_MODULES MQTT_PORT HTTP_PORT
 *
 * One JSON object a check, {"check", "ok", "detail"}; exit status 0 only if all are ok. The registry is that of
 * golden/acceptance. The other side of each check is a cloud call, signed as a customer's back end signs it.
 */
'use strict';

const crypto = require('crypto');
const http = require('http');
const path = require('path');

const [modules, mqttPort, httpPort] = process.argv.slice(2);
const iot = require(path.join(modules, 'alibabacloud-iot-device-sdk'));
const old = require(path.join(modules, 'aliyun-iot-device-sdk'));

const brokerUrl = `mqtt://127.0.0.1:${mqttPort}`;
const PK = 'a1carPK0001';
const [DN, SECRET] = ['tbox001', 'secret0123456789abcdef'];
const SUB = {productKey: 'a1subPK0001', deviceName: 'subdev001', deviceSecret: 'subsecret0123456789001'};
const PATIENCE_MS = 8000;
const MARGIN_MS = 300;

let failures = 0;

function check(name, ok, detail) {
  failures += ok ? 0 : 1;
  console.log(JSON.stringify({check: name, ok: Boolean(ok), detail: detail === undefined ? null : detail}));
}

/** What `begin` hands to its callback; undefined if that is not called. */
function hears(begin) {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    begin(what => { clearTimeout(timer); resolve(what); });
  });
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
const quoted = text => encodeURIComponent(text).replace(/[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase());

/** A cloud call with the signature of RPC v1. */
function cloud(action, values) {
  const fields = {
    Action: action, Format: 'JSON', Version: '2018-01-20', AccessKeyId: 'testAccessKeyId', SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0', SignatureNonce: crypto.randomBytes(8).toString('hex'),
    Timestamp: new Date().toISOString().replace(/\.\d+/, ''),
  };
  for (const [name, value] of Object.entries(values)) fields[name] = typeof value === 'string' ? value : JSON.stringify(value);
  const query = Object.keys(fields).sort().map(name => `${quoted(name)}=${quoted(fields[name])}`).join('&');
  const mac = crypto.createHmac('sha1', 'testAccessKeySecret&').update(`POST&%2F&${quoted(query)}`).digest('base64');
  return new Promise((resolve, reject) => {
    const request = http.request(
      {host: '127.0.0.1', port: httpPort, path: `/?${query}&Signature=${quoted(mac)}`, method: 'POST'},
      response => {
        let text = '';
        response.on('data', part => { text += part; });
        response.on('end', () => resolve(JSON.parse(text)));
      });
    request.on('error', reject);
    request.end();
  });
}

const who = {ProductKey: PK, DeviceName: DN};

async function theDevice() {
  const device = iot.device({productKey: PK, deviceName: DN, deviceSecret: SECRET, brokerUrl});
  check('connect, clean session off', await hears(told => device.on('connect', () => told(true))));
  await pause(MARGIN_MS); // its SUBSCRIBEs are on their way

  const post = await hears(told => device.postProps({VehicleSpeed: 42.5, StateOfCharge: 80}, told));
  check('postProps', post && post.code === 200 && Object.keys(post.data).length === 0, post);
  const odd = await hears(told => device.postProps({NoSuchThing: 1}, told));
  check('postProps names what it does not know', odd && odd.code === 200 && 'NoSuchThing' in odd.data, odd);
  const seen = await cloud('QueryDevicePropertyStatus', who);
  const speed = seen.Data.List.PropertyStatusInfo.find(row => row.Identifier === 'VehicleSpeed');
  check('the cloud side sees the value', speed.Value === '42.5', speed);

  const event = await hears(told => device.postEvent('Collision', {Level: 1, Acceleration: 20.5}, told));
  check('postEvent', event && event.code === 200, event);
  const none = await hears(told => device.postEvent('NoSuchEvent', {}, told));
  check('an unknown event is refused', none && none.code === 5160, none);

  const tags = await hears(told => device.postTags([{attrKey: 'vin', attrValue: 'LSV0000000000001'}], told));
  const props = await cloud('QueryDeviceProp', who);
  check('postTags', tags && tags.code === 200 && JSON.parse(props.Props).vin === 'LSV0000000000001', props);
  const gone = await hears(told => device.deleteTags(['vin'], told));
  check('deleteTags', gone && gone.code === 200, gone);

  const config = await hears(told => device.getConfig(told));
  check('getConfig says that there is none', config && config.code === 6710, config);

  const reported = await hears(told => { device.onShadow(told); device.postShadow({speed: 1, gone: 2}); });
  check('postShadow', reported && reported.payload.status === 'success', reported);
  const got = await hears(told => { device.onShadow(told); device.getShadow(); });
  check('getShadow', got && got.payload.state.reported.speed === 1, got);
  await hears(told => { device.onShadow(told); device.deleteShadow('gone'); });
  const left = await hears(told => { device.onShadow(told); device.getShadow(); });
  check('deleteShadow of a key', left && !('gone' in left.payload.state.reported), left);
  const wish = await hears(told => {
    device.onShadow(told);
    const message = {method: 'update', state: {desired: {limit: 90}}, version: Date.now()};
    cloud('UpdateDeviceShadow', {...who, ShadowMessage: message});
  });
  check('onShadow hears a wish', wish && wish.method === 'control' && wish.payload.state.desired.limit === 90, wish);

  const set = await hears(told => {
    device.onProps(told);
    cloud('SetDeviceProperty', {...who, Items: {ChargeLimit: 90}});
  });
  check('onProps', set && set.params.ChargeLimit === 90, set);

  const started = await hears(told => {
    device.onService('StartClimate', (request, reply) => {
      reply({id: request.id, code: 200, data: {Accepted: 1}});
      told(request);
    });
    setTimeout(() => cloud('InvokeThingService', {...who, Identifier: 'StartClimate', Args: {Target: 21.5, Minutes: 10}}), MARGIN_MS);
  });
  check('onService, asynchronous', started && started.params.Minutes === 10, started);

  device.onService('Unlock', (request, reply) =>
    reply({id: request.id, code: 200, data: {Result: 0, Message: 'open'}}, 'sync'));
  const unlocked = await cloud('InvokeThingService', {...who, Identifier: 'Unlock', Args: {Door: 1}});
  check('onService, synchronous', unlocked.Success && JSON.parse(unlocked.Data.Result).Message === 'open', unlocked);

  const mine = `/${PK}/${DN}/user/get`;
  const custom = await hears(told => {
    device.on('message', (topic, payload) => { if (topic === mine) told(payload.toString()); });
    device.subscribe(mine, () =>
      cloud('Pub', {ProductKey: PK, TopicFullName: mine, MessageContent: Buffer.from('hello').toString('base64')}));
  });
  check('a custom topic', custom === 'hello', custom);
  device.end(true);
}

async function aWrongSecret() {
  const device = iot.device({productKey: PK, deviceName: 'tbox002', deviceSecret: 'wrong', brokerUrl});
  const error = await hears(told => device.on('error', told));
  check('a wrong secret is code 4', error && error[0].code === 4, error && String(error[0]));
  device.end(true);
}

async function theGateway() {
  const names = {productKey: SUB.productKey, deviceName: SUB.deviceName};
  const gateway = iot.gateway({productKey: 'a1gatePK001', deviceName: 'gw001', deviceSecret: 'gwsecret0123456789abcd', brokerUrl});
  await hears(told => gateway.on('connect', () => told(true)));
  await pause(MARGIN_MS);
  const registered = await hears(told => gateway.regiestSubDevice([{productKey: SUB.productKey, deviceName: 'fresh1'}], told));
  check('a gateway registers a sub-device', registered && registered.code === 200 && registered.data[0].deviceSecret, registered);
  const added = await hears(told => gateway.addTopo([{...SUB}], told));
  check('addTopo', added && added.code === 200, added);
  const topo = await hears(told => gateway.getTopo(told));
  check('getTopo', topo && topo.data.some(device => device.deviceName === SUB.deviceName), topo);
  let sub;
  const login = await hears(told => { sub = gateway.login({...SUB}, told); });
  check('login', login && login.code === 200, login);
  await pause(MARGIN_MS); // the gateway subscribes the sub-device's topics
  const post = await hears(told => sub.postProps({Temperature: 21.5}, told));
  check('a sub-device posts', post && post.code === 200 && Object.keys(post.data).length === 0, post);
  const set = await hears(told => {
    sub.onProps(told);
    cloud('SetDeviceProperty', {ProductKey: SUB.productKey, DeviceName: SUB.deviceName, Items: {SampleSeconds: 30}});
  });
  check('a sub-device is set', set && set.params.SampleSeconds === 30, set);
  const logout = await hears(told => gateway.logout(names, told));
  check('logout', logout && logout.code === 200, logout);
  const removed = await hears(told => gateway.removeTopo([names], told));
  check('removeTopo', removed && removed.code === 200, removed);
  gateway.end(true);
}

async function dynamicRegistration() {
  const registerURL = `http://127.0.0.1:${httpPort}/auth/register/device`;
  const triple = {productKey: 'a1dynPK0001', deviceName: 'dyn001'};
  const told = await hears(tell => iot.register({...triple, productSecret: 'dynprodsecret012345678', registerURL}, tell));
  check('iot.register', told && told.code === 200 && told.data.deviceSecret === 'dynsecret0123456789001', told);
  const refused = await hears(tell => iot.register({...triple, productSecret: 'wrong', registerURL}, tell));
  check('iot.register with a wrong secret', refused && refused.code === 6600, refused);
  const device = iot.device({...told.data, brokerUrl});
  check('the registered device connects', await hears(tell => device.on('connect', () => tell(true))));
  device.end(true);
}

async function theOldSdk() {
  const device = old.device({productKey: PK, deviceName: 'tbox003', deviceSecret: 'secret0123456789tbox03', brokerUrl});
  check('1.0.1: connect, newlines in its client id', await hears(told => device.on('connect', () => told(true))));
  await pause(MARGIN_MS);
  const post = await hears(told => device.postProps({VehicleSpeed: 12.5}, told));
  check('1.0.1: postProps', post && post.code === 200 && Object.keys(post.data).length === 0, post);
  await hears(told => { device.subscribe(`/sys/${PK}/tbox003/thing/event/Collision/post_reply`, told); setTimeout(told, MARGIN_MS); });
  const event = await hears(told => device.postEvent('Collision', {Level: 1, Acceleration: 20.5}, told));
  check('1.0.1: postEvent', event && event.code === 200, event);
  const shadow = await hears(told => { device.onShadow(told); device.postShadow({speed: 1}); });
  check('1.0.1: postShadow', shadow && shadow.payload.status === 'success', shadow);
  const service = await hears(told => {
    device.onService('StartClimate', told);
    setTimeout(() => cloud('InvokeThingService',
      {ProductKey: PK, DeviceName: 'tbox003', Identifier: 'StartClimate', Args: {Target: 21.5, Minutes: 10}}), MARGIN_MS);
  });
  check('1.0.1: onService', service && service.params.Target === 21.5, service);
  device.end(true);
}

(async () => {
  for (const section of [theDevice, aWrongSecret, theGateway, dynamicRegistration, theOldSdk]) {
    try {
      await section();
    } catch (error) {
      check(section.name, false, String(error && error.stack));
    }
  }
  process.exit(failures ? 1 : 0);
})();
