// Asks the npm package sns-validator, as a receiver in Node would, whether a message is genuine. Usage: node validate.cjs HOST < message
const Validator = require("../node_modules/sns-validator");
const host = process.argv[2];
let text = "";
process.stdin.on("data", (chunk) => (text += chunk));
process.stdin.on("end", () => {
  const validator = new Validator(new RegExp("^" + host.replace(/[.]/g, "\\.") + "$"), "utf8");
  validator.validate(text, (error) => {
    console.log(error ? `refused: ${error.message}` : "genuine");
  });
});
