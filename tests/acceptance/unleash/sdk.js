// A service's view of its flags, by Unleash's own SDK: what it evaluates goes into a file as flagd has it, which is
// replaced whole whenever it changes. Arguments: the file, then the flags.
'use strict';

const fs = require('node:fs');
const { initialize } = require('unleash-client');

const [file, ...flags] = process.argv.slice(2);
const client = initialize({
  url: `${process.env.UNLEASH_URL}/api/`,
  appName: 'carts',
  customHeaders: { Authorization: process.env.TOKEN },
  refreshInterval: Number(process.env.REFRESH_MILLISECONDS),
  disableMetrics: true,
  backupPath: process.env.BACKUP,
});

let before = '';
function look() {
  const content = { flags: {} };
  for (const flag of flags) {
    const defaultVariant = client.isEnabled(flag) ? 'on' : 'off';
    content.flags[flag] = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant };
  }
  const text = JSON.stringify(content);
  if (text !== before) {
    fs.writeFileSync(`${file}.new`, text);
    fs.renameSync(`${file}.new`, file);
    before = text;
  }
}

client.on('synchronized', look);
client.on('changed', look);
client.on('error', (error) => console.error(error.message));

// The SDK's own timers keep no process; this one ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
