/** §6.4.16 */
export const datatype = {
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  uint8: 5,
  uint16: 6,
  uint32: 7,
  uint64: 8,
  float: 9,
  double: 10,
  boolean: 11,
  string: 12,
  dateTime: 13,
  text: 14,
  uuid: 15,
  bytes: 17,
  file: 18,
} as const;

const names =
  "Unknown Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String " +
  "DateTime Text UUID DataSet Bytes File Template";

/** As the specification writes them, by number. */
export const datatypeNames: readonly string[] = names.split(" ");
