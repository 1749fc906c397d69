import { fromJsonSchema, type CallToolResult, type McpServer } from "@modelcontextprotocol/server";
import type { Static, TObject } from "typebox";
import { ComityError, problemOf } from "../../kernel/errors.ts";

export interface AgentTool<Input extends TObject, Output extends TObject> {
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  /** It makes an agreement, which may cost money; all others only read. */
  readonly changes?: true;
  readonly run: (input: Static<Input>, signal: AbortSignal) => Promise<Static<Output>>;
}

/**
 * A tool with a schema for what it takes and one for what it gives. Whatever the node refuses is
 * the tool's error: code, message and remedy, in words the agent can act on.
 */
export function addTool<Input extends TObject, Output extends TObject>(
  server: McpServer,
  name: string,
  tool: AgentTool<Input, Output>,
): void {
  const config = {
    title: tool.title,
    description: tool.description,
    inputSchema: fromJsonSchema<Static<Input>>(tool.input),
    outputSchema: fromJsonSchema<Static<Output>>(tool.output),
    annotations: {
      readOnlyHint: tool.changes !== true,
      destructiveHint: false,
      idempotentHint: tool.changes !== true,
      openWorldHint: true,
    },
  };
  server.registerTool(name, config, async (input, context): Promise<CallToolResult> => {
    try {
      const result = await tool.run(input, context.mcpReq.signal);
      // MCP 2025-11-25 §Tools: the same as text, for clients that know no structured content
      const text = JSON.stringify(result);
      return { content: [{ type: "text", text }], structuredContent: { ...result } };
    } catch (error) {
      return { isError: true, content: [{ type: "text", text: refusalText(error) }] };
    }
  });
}

function refusalText(thrown: unknown): string {
  if (!(thrown instanceof ComityError)) return `INTERNAL: ${problemOf(thrown)}`;
  return `${thrown.code}: ${thrown.message}\nWhat to do: ${thrown.remedy}`;
}
