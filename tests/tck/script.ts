/**
 * What the connector under test is to do of its own accord in each case of the Dataspace Protocol's
 * compatibility kit. The kit plays one side and expects the other to be told beforehand: a dataset
 * or an agreement stands for a case, and its steps are taken in this order, each in the state it
 * names. Nothing here answers a message: all of that is the node's own, as it always is.
 */

export type NegotiationStep =
  | "REQUESTED offer"
  | "REQUESTED agree"
  | "REQUESTED terminate"
  | "OFFERED accept"
  | "OFFERED request"
  | "OFFERED terminate"
  | "ACCEPTED agree"
  | "ACCEPTED terminate"
  | "AGREED verify"
  | "AGREED terminate"
  | "VERIFIED finalize"
  | "VERIFIED terminate";

export type TransferStep =
  | "REQUESTED start"
  | "REQUESTED terminate"
  | "STARTED suspend"
  | "STARTED complete"
  | "STARTED terminate"
  | "SUSPENDED start"
  | "SUSPENDED terminate";

/** CN: the node is the provider; by dataset. */
export const providerNegotiations: Readonly<Record<string, readonly NegotiationStep[]>> = {
  ACN0101: ["REQUESTED offer"],
  ACN0102: ["REQUESTED offer", "REQUESTED terminate"],
  ACN0103: ["REQUESTED offer", "ACCEPTED agree", "VERIFIED finalize"],
  ACN0104: ["REQUESTED agree", "VERIFIED finalize"],
  ACN0201: ["REQUESTED terminate"],
  ACN0202: [],
  ACN0203: ["REQUESTED agree"],
  ACN0204: ["REQUESTED offer"],
  ACN0205: ["REQUESTED offer", "OFFERED terminate"],
  ACN0206: ["REQUESTED offer", "ACCEPTED terminate"],
  ACN0207: ["REQUESTED agree", "VERIFIED terminate"],
  ACN0301: ["REQUESTED agree", "VERIFIED finalize"],
  ACN0302: ["REQUESTED offer"],
  ACN0303: ["REQUESTED offer"],
  ACN0304: ["REQUESTED offer"],
};

/** CN_C: the node is the consumer; by dataset. */
export const consumerNegotiations: Readonly<Record<string, readonly NegotiationStep[]>> = {
  ACNC0101: ["OFFERED accept", "AGREED verify"],
  ACNC0102: ["OFFERED request"],
  ACNC0103: ["OFFERED terminate"],
  ACNC0104: ["AGREED verify"],
  ACNC0201: [],
  ACNC0202: ["REQUESTED terminate"],
  ACNC0203: ["AGREED terminate"],
  ACNC0204: [],
  ACNC0205: ["OFFERED accept"],
  ACNC0206: ["AGREED verify"],
  ACNC0301: [],
  ACNC0302: [],
  ACNC0303: [],
  ACNC0304: ["OFFERED accept"],
  ACNC0305: ["OFFERED accept"],
  ACNC0306: ["OFFERED accept"],
};

/** TP: the node is the provider; by agreement. */
export const providerTransfers: Readonly<Record<string, readonly TransferStep[]>> = {
  ATP0101: ["REQUESTED start", "STARTED terminate"],
  ATP0102: ["REQUESTED start", "STARTED complete"],
  ATP0103: ["REQUESTED start", "STARTED suspend", "SUSPENDED terminate"],
  ATP0104: ["REQUESTED start", "STARTED suspend", "SUSPENDED start", "STARTED complete"],
  ATP0105: ["REQUESTED terminate"],
  ATP0201: ["REQUESTED start"],
  ATP0202: ["REQUESTED start"],
  ATP0203: ["REQUESTED start"],
  ATP0204: ["REQUESTED start"],
  ATP0205: [],
  ATP0301: [],
  ATP0302: [],
  ATP0303: ["REQUESTED start"],
  ATP0304: ["REQUESTED start"],
  ATP0305: ["REQUESTED start"],
  ATP0306: ["REQUESTED start"],
};

/** TP_C: the node is the consumer; by agreement. */
export const consumerTransfers: Readonly<Record<string, readonly TransferStep[]>> = {
  ATPC0101: [],
  ATPC0102: [],
  ATPC0103: [],
  ATPC0104: [],
  ATPC0105: [],
  ATPC0201: ["STARTED terminate"],
  ATPC0202: ["STARTED complete"],
  ATPC0203: ["STARTED suspend", "SUSPENDED terminate"],
  ATPC0204: ["STARTED suspend", "SUSPENDED start", "STARTED complete"],
  ATPC0205: ["REQUESTED terminate"],
  ATPC0301: [],
  ATPC0302: [],
  ATPC0303: [],
  ATPC0304: [],
  ATPC0305: [],
  ATPC0306: [],
};

/** CAT: what the catalogue must hold; CAT:01-03 asks for one that it must not. */
export const catalogueDatasets = ["CAT0101", "CAT0102"] as const;
export const missingDataset = "CAT0103";
