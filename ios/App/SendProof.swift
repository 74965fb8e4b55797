import AppModel
import Foundation
import SwiftUI
import UniformTypeIdentifiers

import struct Countersign.ProofFile

/// Sends a proof of a delivery to whom the person chooses: the file that can be verified, with what it says in words.
struct SendProof: View {
    let proof: Proof

    var body: some View {
        let said = proof.screen.sent(in: words)
        if let file = proof.file {
            ShareLink(item: Sent(file: file), message: Text(said), preview: SharePreview(words.of("proof.title"))) { label }
        } else {
            ShareLink(item: said) { label }
        }
    }

    private var label: some View {
        Text(words.of("proof.send"))
            .font(.body.bold())
            .foregroundStyle(Shade.onMain.color)
            .frame(maxWidth: .infinity, minHeight: 56)
            .background(Shade.main.color, in: RoundedRectangle(cornerRadius: 12))
    }
}

/// The file as others receive it, under its name.
private struct Sent: Transferable {
    let file: ProofFile

    static var transferRepresentation: some TransferRepresentation {
        FileRepresentation(exportedContentType: .data) { (sent: Sent) in
            let place = FileManager.default.temporaryDirectory.appendingPathComponent(sent.file.name)
            try sent.file.bytes.write(to: place, options: .atomic)
            return SentTransferredFile(place)
        }
    }
}
