// PM2 for Dramaturg: pm2 start deploy/pm2/ecosystem.config.cjs
//
// PM2 starts, restarts and stops; Dramaturg's own supervisor runs the worker processes. So there is one app of each, in
// fork mode: cluster mode is for Node programs. Secrets are files in DRAMATURG_SECRETS_FOLDER, never in this file.
const common = {
  interpreter: "none", // a program, not a script for node
  exec_mode: "fork",
  instances: 1,
  autorestart: true,
  exp_backoff_restart_delay: 500, // ms, doubled up to 15 s while it does not start
  stop_exit_codes: [2, 78], // wrong usage or settings: another start changes nothing
  treekill: false, // the signal goes to the supervisor alone: it drains its processes
  merge_logs: true,
  time: false, // lines are JSON, with their own time
};

const program = process.env.PROGRAM || "dramaturg";

module.exports = {
  apps: [
    {
      ...common,
      name: "dramaturg-worker",
      script: program,
      args: ["worker"],
      // DRAMATURG_SHUTDOWN_GRACE (25 s), the supervisor's 5 s, and some; then PM2 sends SIGKILL.
      kill_timeout: 45000,
    },
    { ...common, name: "dramaturg-scheduler", script: program, args: ["scheduler"], kill_timeout: 15000 },
    { ...common, name: "dramaturg-web", script: program, args: ["web"], kill_timeout: 15000 },
  ],
};
