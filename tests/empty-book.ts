/** A book in which nothing was posted: every account, in micro-units. */
export const emptyBook = {
  receivable: 0n,
  revenue: 0n,
  expense: 0n,
  payable: 0n,
  paid: 0n,
  shared: 0n,
  owners: 0n,
  exchange: 0n,
};
