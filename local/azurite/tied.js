"use strict";
// Azurite's Table service with two additions. It ends with whoever holds the other end of standard input, however that
// one ends; and it says which port it got, since it prints port 0 as it was asked for.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  this.once("listening", () => console.log(`listening on port ${this.address().port};`));
  return listen.apply(this, args);
};
process.stdin.on("end", () => process.exit(0)).resume();
require("azurite/dist/src/table/main.js");
