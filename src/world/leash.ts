/** Loaded before a node of the world: when the world is gone, however it went, the node ends. */
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
