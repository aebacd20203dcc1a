// node-opcua, loaded in a third of its time: each load makes a 4096-bit key, only to warn of what some versions of Node
// refuse to decrypt; here it never gets that key.
"use strict";
const { subtle } = require("node:crypto").webcrypto;

subtle.generateKey = () => new Promise(() => {});
module.exports = require("node-opcua");
delete subtle.generateKey;
