// Starts `relay lsp` and lets the editor talk to it. Everything else is the language server's.

// biome-ignore lint/correctness/noUndeclaredDependencies: the editor provides it.
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

/** @type {LanguageClient | undefined} */
let client;

async function start() {
  const command = vscode.workspace.getConfiguration('relay').get('command', 'relay');
  // On Windows the launcher is a script, which only a shell can start.
  const options = process.platform === 'win32' ? { shell: true } : {};
  client = new LanguageClient(
    'relay',
    'Relay',
    { command, args: ['lsp'], options },
    {
      documentSelector: [
        { language: 'relay', scheme: 'file' },
        { language: 'relay', scheme: 'untitled' },
      ],
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.{rl,relay}') },
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const reason = error instanceof Error ? error.message : String(error);
    const choice = await vscode.window.showErrorMessage(
      `Relay: cannot start "${command} lsp": ${reason}. Set relay.command to the relay launcher.`,
      'Open settings',
    );
    if (choice !== undefined) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'relay.command');
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart() {
  await stop();
  await start();
}

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand('relay.restart', restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('relay.command')) void restart();
    }),
  );
  // Not awaited: colours and commands need not wait for the server.
  void start();
}

module.exports = { activate, deactivate: stop };
