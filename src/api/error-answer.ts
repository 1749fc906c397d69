import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";
import { notOfForm } from "./text-forms.ts";

/** `{ error: { code, message, remedy } }`, whatever was thrown. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = toComity(thrown, request);
  if (error.status >= 500 && error !== thrown) request.log.error(thrown);
  return sendError(error, reply, error.status);
}

export function sendError(
  { code, message, remedy }: ComityError,
  reply: FastifyReply,
  status: number,
): FastifyReply {
  return reply
    .code(status)
    .type("application/json; charset=utf-8")
    .serializer((body: unknown) => JSON.stringify(body))
    .send({ error: { code, message, remedy } });
}

export function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const id = `${request.method} ${request.url.split("?")[0] ?? ""}`.slice(0, 200);
  return answerError(new ComityError("NOT_FOUND", { what: "route", id }), request, reply);
}

export function toComity(thrown: unknown, request: FastifyRequest): ComityError {
  if (thrown instanceof ComityError) return thrown;
  const what = `${request.method} ${request.routeOptions.url ?? request.url}`;
  if (!(thrown instanceof Error)) return new ComityError("INTERNAL", { what });
  const error = thrown as FastifyError;
  if (error.validation !== undefined) {
    return new ComityError("BODY_INVALID", { problem: validationProblem(error) });
  }
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const bytes = request.headers["content-length"] ?? "too many";
    return new ComityError("PAYLOAD_TOO_LARGE", { bytes, max: request.routeOptions.bodyLimit });
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new ComityError("BODY_INVALID", { problem: error.message });
  }
  return new ComityError("INTERNAL", { what });
}

function validationProblem(error: FastifyError): string {
  const where = error.validationContext ?? "body";
  const problems = (error.validation ?? []).slice(0, 3).map(({ instancePath, message, params }) => {
    // "schema is false" is how a schema says that it has no such member
    const plain = message === "schema is false" ? "is no member it has" : message;
    const text = notOfForm(params["pattern"]) ?? notText(params["type"]) ?? plain;
    return `${where}${instancePath} ${text ?? "is wrong"}`;
  });
  return problems.join("; ");
}

/** A YAML file's digits are a number, also where they are a name or a code. */
function notText(type: unknown): string | undefined {
  return type === "string" ? "must be text: in a file, put it in quotes" : undefined;
}
