import { ComityError } from "../kernel/errors.ts";
import type { SettingModel, Settings } from "./sector.ts";

const textLengthMax = 65_536;

/** What an indicator was told, each of its model's type; BODY_INVALID names what is wrong. */
export function settingsOf(
  models: Readonly<Record<string, SettingModel>> = {},
  told: Settings = {},
): Settings {
  const unknown = Object.keys(told).find((name) => !Object.hasOwn(models, name));
  if (unknown !== undefined) {
    const known = Object.keys(models).join(", ");
    throw invalid(`it has no setting "${unknown}"${known === "" ? "" : `, but ${known}`}`);
  }
  return Object.fromEntries(
    Object.entries(models).map(([name, model]) => {
      const value = Object.hasOwn(told, name) ? told[name] : model.otherwise;
      if (value === undefined) throw invalid(`it must be told "${name}": ${model.title}`);
      return [name, model.type === "number" ? numberOf(name, model, value) : textOf(name, value)];
    }),
  );
}

function numberOf(name: string, model: SettingModel, value: number | string): number {
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  const { minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE, unit } = model;
  if (number >= minimum && number <= maximum) return number;
  const within = `${minimum} to ${maximum}${unit === undefined ? "" : ` ${unit}`}`;
  throw invalid(`setting "${name}" is ${String(value).slice(0, 40)} and no number from ${within}`);
}

function textOf(name: string, value: number | string): string {
  const text = String(value);
  if (text.length <= textLengthMax) return text;
  throw invalid(`setting "${name}" has ${text.length} characters; at most ${textLengthMax}`);
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
