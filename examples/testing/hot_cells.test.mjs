// The acceptance test of hot_cells.py with Node's test runner: node --test examples/testing/
//
// Whatever the product is written in: the test starts `jinqiao run --paused`, reads its `ready` line, and speaks JSON over
// HTTP (docs/control.md). HOT_CELLS_RULE=limit tests the product as it was before it was repaired.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const {JINQIAO = 'jinqiao', PYTHON = 'python3', HOT_CELLS_RULE = 'spread'} = process.env;
let run, product, ready;

/** One call of the control API. */
async function control(method, path, body) {
  const answer = await fetch(ready.control_url + path, {
    method,
    headers: {Authorization: `Bearer ${ready.control_token}`, 'Content-Type': 'application/json'},
    body: body && JSON.stringify(body),
  });
  const found = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(found)}`);
  return found;
}

before(async () => {
  const free = ['--mqtt-port', '0', '--http-port', '0', '--amqp-port', '0'];
  run = spawn(JINQIAO, ['run', here('garage.yaml'), '--paused', '--linger', '--quiet', '--lock-step', 'hot-cells', ...free],
    {stdio: ['ignore', 'pipe', 'inherit']});
  for await (const line of createInterface({input: run.stdout})) {
    ready = JSON.parse(line).ready;
    break;
  }
  const http = ready.control_url.replace(/\/control$/, '');
  product = spawn(PYTHON, [here('hot_cells.py'), '--mqtt-port', ready.mqtt_port, '--http', http, '--key', ready.app_user,
    '--secret', ready.app_password, '--product', ready.product_key, '--rule', HOT_CELLS_RULE], {stdio: 'inherit'});
});

after(async () => {
  product?.kill();
  run?.kill('SIGINT');
  if (run && run.exitCode === null) await once(run, 'exit');
});

test('a hot cell stops the charge of its car', async () => {
  await control('POST', '/advance', {for: '1 min'});
  const {vehicles: [car]} = await control('GET', '/vehicles?state=charging&limit=1');
  await control('POST', '/faults', {fault: 'cell_overheat', on: car.vin, cell: 17, rate: '3 degC/min'});
  await control('POST', '/advance', {for: '5 min'});
  const {signals} = await control('GET', `/vehicles/${car.vin}`);
  assert.equal(signals['charging:ChargePower'], 0);
});

test('what the scenario expects holds to its end', async () => {
  const {state} = await control('POST', '/advance', {for: '40 min'});
  assert.equal(state, 'finished');
  const {expectations} = await control('GET', '/expectations');
  assert.ok(expectations.length > 0);
  for (const {expect, verdict, measured} of expectations) assert.equal(verdict, 'passed', `${expect}: ${measured}`);
});
