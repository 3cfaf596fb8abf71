@main struct NotesCommand { static func main() {} }
