/// Refuses what is too long to cross the boundary in one piece: the generated code counts bytes in 32 bits, and traps.
func checkCrossing(_ byteCount: Int) throws {
    guard byteCount <= Int32.max else {
        throw TandemError(.resourceLimit, "\(byteCount) bytes in one piece, the limit is \(Int32.max)")
    }
}
