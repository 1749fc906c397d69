import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";
import { TdInvalid } from "../things/wot/problem.ts";
import { toComity } from "./error-answer.ts";

/**
 * Errors as Problem Details (RFC 9457), which WoT Discovery §7.2.2 asks for; `code` and `remedy`
 * are members of our own, `validationErrors` is WoT Discovery's.
 */
export function answerProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = toComity(thrown, request);
  if (error.status >= 500 && error !== thrown) request.log.error(thrown);
  if (error.status === 401) {
    // which credentials open it (WoT Discovery §7.1.1, RFC 9110 §11.6.1)
    void reply.header("www-authenticate", 'Bearer realm="Thing Description Directory"');
  }
  const isOtherType = (thrown as Partial<FastifyError>).code === "FST_ERR_CTP_INVALID_MEDIA_TYPE";
  return sendProblem(error, reply, isOtherType ? 415 : error.status);
}

export function sendProblem(error: ComityError, reply: FastifyReply, status: number): FastifyReply {
  const { code, message, remedy } = error;
  const validationErrors = error instanceof TdInvalid ? error.problems : undefined;
  return reply
    .code(status)
    .type("application/problem+json")
    .serializer((body: unknown) => JSON.stringify(body))
    .send({
      type: "about:blank",
      title: titles[status] ?? "Error",
      status,
      detail: message,
      ...{ code, remedy },
      ...(validationErrors && { validationErrors }),
    });
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
};
