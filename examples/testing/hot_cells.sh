#!/bin/sh
# The acceptance test of hot_cells.py from a shell, as in a CI: examples/testing/hot_cells.sh [spread|limit]
#
# The exit code is that of the run: 0 when everything that garage.yaml expects holds, 1 when something does not.
set -eu
rule=${1:-spread}
here=$(cd "$(dirname "$0")" && pwd)
jinqiao=${JINQIAO:-jinqiao} python=${PYTHON:-python3}
out=$(mktemp -d)

$jinqiao run "$here/garage.yaml" --paused --lock-step hot-cells --quiet --mqtt-port 0 --http-port 0 --amqp-port 0 \
    --junit "$out/verdicts.xml" --report "$out/verdicts.html" >"$out/run.json" &
run=$!
product=
trap 'kill $run $product 2>/dev/null || true' EXIT

# The first line says where everything is.
until [ -s "$out/run.json" ]; do kill -0 $run && sleep 0.1; done
ready() { head -n 1 "$out/run.json" | $python -c "import json, sys; print(json.load(sys.stdin)['ready']['$1'])"; }
JINQIAO_CONTROL_URL=$(ready control_url) JINQIAO_CONTROL_TOKEN=$(ready control_token)
export JINQIAO_CONTROL_URL JINQIAO_CONTROL_TOKEN

$python "$here/hot_cells.py" --mqtt-port "$(ready mqtt_port)" --http "${JINQIAO_CONTROL_URL%/control}" \
    --secret "$(ready app_password)" --rule "$rule" &
product=$!

# A hot cell by hand, beside those of the scenario.
$jinqiao ctl advance '1 min' >"$out/state.json"
car=$($jinqiao ctl vehicles --state charging --limit 1 | $python -c "import json, sys; print(json.load(sys.stdin)['vehicles'][0]['vin'])")
$jinqiao ctl fault cell_overheat --on "$car" cell=17 rate='3 degC/min'
$jinqiao ctl advance '10 min' >"$out/state.json"
$jinqiao ctl expect 'after cell_overheat: StopCharging within 5 min for 100 %' || true

# To the end of the scenario, where the run ends with its verdicts.
$jinqiao ctl advance '40 min' >"$out/state.json"
wait $run && code=0 || code=$?
echo "reports are in $out"
exit $code
