#include "go_asm.h"
#include "textflag.h"

// The positive signs among a plane of the query, counted onto a sum.
#define PLANE(offset, sum) \
	VPANDQ.BCST offset(DI), Z5, Z6; \
	VPOPCNTQ Z6, Z6; \
	VPADDQ Z6, sum, sum

// func estimate512(s *scanned)
// Eight documents at a time, one a lane. Z0 to Z3 count the planes, Z4 the
// positive signs.
TEXT ·estimate512(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), AX
	MOVQ scanned_planes(AX), BX
	MOVQ scanned_codes(AX), SI
	MOVQ scanned_factors(AX), R8
	MOVQ scanned_out(AX), R9
	MOVQ scanned_words(AX), DX
	MOVQ scanned_blocks(AX), CX
	VBROADCASTSS scanned_step(AX), Y16
	VBROADCASTSS scanned_sum(AX), Y17
block:
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	MOVQ BX, DI
	MOVQ DX, R10
word:
	VMOVDQU64 (SI), Z5
	PLANE(0, Z0)
	PLANE(8, Z1)
	PLANE(16, Z2)
	PLANE(24, Z3)
	VPOPCNTQ Z5, Z6
	VPADDQ Z6, Z4, Z4
	ADDQ $64, SI
	ADDQ $32, DI
	DECQ R10
	JNZ word
	// Twice the steps, less 15 times the positive signs.
	VPSLLQ $1, Z1, Z1
	VPSLLQ $2, Z2, Z2
	VPSLLQ $3, Z3, Z3
	VPADDQ Z1, Z0, Z0
	VPADDQ Z3, Z2, Z2
	VPADDQ Z2, Z0, Z0
	VPSLLQ $1, Z0, Z0
	VPADDQ Z4, Z0, Z0
	VPSLLQ $4, Z4, Z4
	VPSUBQ Z4, Z0, Z0
	VCVTQQ2PS Z0, Y0
	VMULPS Y16, Y0, Y0
	VSUBPS Y17, Y0, Y0
	VMULPS (R8), Y0, Y0
	VMOVUPS Y0, (R9)
	ADDQ $32, R8
	ADDQ $32, R9
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// Thirty-two magnitudes, in half steps, with their signs, times the query's
// numbers. K1 has the negative ones.
#define NUMBERS(magnitudes, query, sum) \
	VPMOVZXBW magnitudes, Z2; \
	VPADDW Z2, Z2, Z2; \
	VPORQ Z8, Z2, Z2; \
	VPSUBW Z2, Z9, K1, Z2; \
	VPMADDWD query, Z2, Z2; \
	VPADDD Z2, sum, sum

// func product512(q *int16, magnitudes *uint8, code *uint64, words int) int32
TEXT ·product512(SB), NOSPLIT, $0-36
	MOVQ q+0(FP), SI
	MOVQ magnitudes+8(FP), DI
	MOVQ code+16(FP), BX
	MOVQ words+24(FP), CX
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z9, Z9, Z9
	VPTERNLOGD $0xff, Z8, Z8, Z8
	VPSRLW $15, Z8, Z8
numbers:
	MOVQ (BX), AX
	NOTQ AX
	KMOVD AX, K1
	NUMBERS((DI), (SI), Z0)
	SHRQ $32, AX
	KMOVD AX, K1
	NUMBERS(32(DI), 64(SI), Z1)
	ADDQ $64, BX
	ADDQ $64, DI
	ADDQ $128, SI
	DECQ CX
	JNZ numbers
	VPADDD Z1, Z0, Z0
	VEXTRACTI64X4 $1, Z0, Y1
	VPADDD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+32(FP)
	VZEROUPPER
	RET
