// Opens the address that `editors/try vscode` prints, and waits until VS Code marks a finding of the sample.
//
//   usage: node try.ts ADDRESS

import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

const address = process.argv[2] ?? "";
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim(),
  args: ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  await page.goto(address);
  await page.locator(".editor-instance .view-line", { hasText: "privileged" }).first().waitFor();
  await page.locator(".editor-instance .squiggly-error").first().waitFor();
} finally {
  await browser.close();
}
